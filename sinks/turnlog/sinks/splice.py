"""Avro messages to one Avro object container, without decoding them.

An Avro datum that has the encodings of some values put before it is a datum of its schema with those fields put before
its own. So a batch of messages of one schema becomes a file that ClickHouse reads (``FORMAT Avro``) by concatenation
alone (Avro 1.12 specification, "Object Container Files").

Every record is a block of its own. A block says how long it is, so a malformed record can neither swallow its
neighbours nor shift them: it is refused, and the others can be stored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

from turnlog.schemas import Schema

COORDINATES: tuple[dict[str, Any], ...] = (
    {"name": "source_partition", "type": "int"},
    {"name": "source_offset", "type": "long"},
    {"name": "source_time", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "redaction_us", "type": "long"},
)
"""The fields that go in front."""

_MAGIC = b"Obj\x01"
_ONE = b"\x02"  # the count 1, zigzag


class Row(NamedTuple):
    """A message to be stored, and the coordinates of its raw record.

    Attributes:
        offset: The message's own offset.
        message: The whole message.
        start: Where in it the datum begins.
        source_partition: Partition of the raw record.
        source_offset: Its offset.
        source_time_ms: Its broker timestamp, in milliseconds since 1970 UTC.
        redaction_us: Microseconds that redacting it took; 0 where that is not known.
    """

    offset: int
    message: bytes
    start: int
    source_partition: int
    source_offset: int
    source_time_ms: int
    redaction_us: int = 0


def zigzag(number: int) -> bytes:
    """Return a long as Avro writes it: zigzag, then base 128, least significant group first."""
    return _base_128((number << 1) ^ (number >> 63))


def container(schema: Schema, rows: Iterable[Row], *, coordinates: bool) -> bytes:
    """Join messages of one writer schema into an object container.

    Args:
        schema: The schema that wrote all of them.
        rows: The messages.
        coordinates: Whether to put :data:`COORDINATES` before each.
    """
    header, sync = _header(schema, coordinates)
    parts = [header]
    add = parts.extend
    if not coordinates:
        for row in rows:
            datum = row.message[row.start :]
            add((_ONE + _length(len(datum)), datum, sync))
        return b"".join(parts)
    for row in rows:
        _, message, start, partition, offset, time_ms, redaction_us = row
        prefix = _length(partition) + _offset(offset) + _time(time_ms) + _length(redaction_us)
        add((_ONE + _length(len(prefix) + len(message) - start) + prefix, message[start:], sync))
    return b"".join(parts)


def _base_128(number: int) -> bytes:
    """Return a number in groups of seven bits, least significant first, all but the last with the high bit set."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_length = lru_cache(maxsize=16_384)(zigzag)
_high = lru_cache(maxsize=1024)(_base_128)

_LOW = [bytes((number & 0x7F | 0x80, number >> 7 | 0x80)) for number in range(1 << 14)]


def _offset(number: int) -> bytes:
    """The same as zigzag for what is not negative, faster: neighbours differ in the first two bytes only."""
    high = number >> 13
    return _LOW[number << 1 & 0x3FFF] + _high(high) if high else zigzag(number)


@lru_cache(maxsize=1024)
def _time(milliseconds: int) -> bytes:
    return zigzag(milliseconds * 1000)


@lru_cache(maxsize=64)
def _header(schema: Schema, coordinates: bool) -> tuple[bytes, bytes]:
    definition = _without_docs(schema.definition)
    if coordinates:
        definition["fields"] = [*COORDINATES, *definition["fields"]]
    text = json.dumps(definition, separators=(",", ":")).encode()
    # Any 16 bytes will do: a reader finds the next marker by the block's length, never by looking for it.
    sync = blake2b(text, digest_size=16).digest()
    metadata = ((b"avro.schema", text), (b"avro.codec", b"null"))
    entries = b"".join(zigzag(len(key)) + key + zigzag(len(value)) + value for key, value in metadata)
    return _MAGIC + zigzag(len(metadata)) + entries + zigzag(0) + sync, sync


def _without_docs(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _without_docs(value) for key, value in node.items() if key != "doc"}
    if isinstance(node, list):
        return [_without_docs(each) for each in node]
    return node
