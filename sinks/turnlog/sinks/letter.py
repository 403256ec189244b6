"""Dead letters of the sinks."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from turnlog.schemas import Datum, Source, fingerprint_in
from turnlog.schemas.headers import AVRO, CONTENT_TYPE, PRODUCER, SOURCE, STAGE, parse_origin
from turnlog.schemas.topics import BY_NAME

SINK = "sink"
"""The stage that these letters name."""

_KEY_BYTES = 64 * 1024
_PAYLOAD_BYTES = BY_NAME["dlq"].max_bytes - 1024 * 1024  # the rest is for what stands around it
_INT64_MAX = 2**63 - 1


@dataclass(frozen=True)
class Letter:
    """A message that can't be stored, and why.

    Attributes:
        source: Where it stands: the clean topic's coordinates, not the raw ones. One worker reads a partition and in
            order, so its letters' offsets only grow, which is what readers of dead letters rely on.
        key: Its key.
        message: Its bytes.
        origin: Its ``producer`` header.
        error_class: Class of the error.
        error_message: What is wrong; quotes nothing.
    """

    source: Source
    key: bytes | None
    message: bytes
    origin: bytes | None
    error_class: str
    error_message: str

    def datum(self, dead_time_us: int) -> Datum:
        """Return the DeadLetter record; the time is in microseconds since 1970 UTC."""
        origin = parse_origin(self.origin)
        if origin is not None and origin.sequence > _INT64_MAX:
            origin = None
        return {
            "source_topic": self.source.topic,
            "source_partition": self.source.partition,
            "source_offset": self.source.offset,
            "source_time": self.source.timestamp_ms * 1000,
            "dead_time": dead_time_us,
            "stage": SINK,
            "error_class": self.error_class,
            "error_message": self.error_message,
            "schema_fingerprint": fingerprint_in(self.message),
            "producer_id": origin.producer_id if origin else None,
            "sequence": origin.sequence if origin else None,
            "key": None if self.key is None else self.key[:_KEY_BYTES],
            "payload": self.message[:_PAYLOAD_BYTES],
            "payload_size": len(self.message),
            "payload_sha256": sha256(self.message).hexdigest(),
        }

    def headers(self) -> list[tuple[str, bytes]]:
        """Return the Kafka headers that go with it."""
        headers = [(CONTENT_TYPE, AVRO), (STAGE, SINK.encode()), (SOURCE, self.source.to_bytes())]
        return headers if self.origin is None else [*headers, (PRODUCER, self.origin)]
