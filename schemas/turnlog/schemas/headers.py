"""Kafka headers that travel with every record, as values.

``producer``: ``<producer_id>:<sequence>``, on raw and clean records and dead letters, so that even bytes that can't be
read are in the account. ``source``: ``<topic>:<partition>:<offset>:<broker timestamp in ms>``, on clean records and
dead letters: the raw coordinates, an event's identity in the pipeline. ``redaction-us``, on clean records: microseconds
that redacting the record took; not in it, for a record is the same however often it is made, and a time never is.
``stage`` on dead letters: who gave it up.
``redelivery``, on raw records, always the last: the producer, or after its death its heir, can't know whether Kafka has
the record already; the value is when it was first handed to a Kafka client, by the sender's clock, in milliseconds
since 1970 UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

PRODUCER = "producer"
SOURCE = "source"
STAGE = "stage"
REDACTION_US = "redaction-us"
REDELIVERY = "redelivery"
TRACEPARENT = "traceparent"
CONTENT_TYPE = "content-type"
AVRO = b"application/avro"

_TOO_LONG = 10
"""Digits of a number of microseconds that nothing takes: a quarter of an hour and more."""

Headers = Iterable[tuple[str, bytes | str | None]] | Mapping[str, bytes] | None


class Source(NamedTuple):
    """Coordinates of a raw message, and when its broker took it (milliseconds since 1970 UTC)."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int

    def to_bytes(self) -> bytes:
        """Return the header's value."""
        return f"{self.topic}:{self.partition}:{self.offset}:{self.timestamp_ms}".encode()


class Origin(NamedTuple):
    """Which event of which producer a message is."""

    producer_id: str
    sequence: int

    def to_bytes(self) -> bytes:
        """Return the header's value."""
        return f"{self.producer_id}:{self.sequence}".encode()


def parse_source(value: bytes | str | None) -> Source | None:
    """Read a ``source`` header; None if it is missing or malformed."""
    parts = _text(value).rsplit(":", 3)
    if len(parts) != 4 or not parts[0] or not all(part.isascii() and part.isdigit() for part in parts[1:]):
        return None
    return Source(parts[0], int(parts[1]), int(parts[2]), int(parts[3]))


def parse_redaction_us(value: bytes | str | None) -> int:
    """Read a ``redaction-us`` header; 0 if it is missing or malformed."""
    text = _text(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < _TOO_LONG else 0


def parse_origin(value: bytes | str | None) -> Origin | None:
    """Read a ``producer`` header; None if it is missing or malformed."""
    producer_id, _, sequence = _text(value).rpartition(":")
    if not producer_id or not (sequence.isascii() and sequence.isdigit()):
        return None
    return Origin(producer_id, int(sequence))


def get(headers: Headers, name: str) -> bytes | None:
    """Return the last value of a header, or None."""
    if headers is None:
        return None
    found: bytes | str | None = None
    for key, value in headers.items() if isinstance(headers, Mapping) else headers:
        if key == name:
            found = value
    return found.encode() if isinstance(found, str) else found


def _text(value: bytes | str | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""
