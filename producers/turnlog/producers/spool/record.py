"""What stands in a segment: messages with a length, a checksum and a number, one behind the other.

    record   = magic (4 bytes)  length (u32)  CRC-32 of the payload (u32)  payload
    payload  = ordinal (u64)  sequence (u64)  written (u64, ms)  handed (u64, ms, 0 for never)
               priority (u8)  length of topic (u8)  length of key (u16)  number of headers (u8)
               topic  key  headers: length of name (u8)  length of value (u16)  name  value ...  the message's value

All numbers are little-endian. The ordinal counts the records that a producer has ever written to its spool, so that
a reader that has to skip a damaged part knows by the next good record's ordinal how many are missing.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from turnlog.producers.delivery.transport import Message

_MAGIC = b"\xf5TLr"
_HEAD = struct.Struct("<4sII")
_FIXED = struct.Struct("<QQQQBBHB")
_HEADER = struct.Struct("<BH")

OVERHEAD = _HEAD.size + _FIXED.size
"""Bytes that a record takes beside its message, without those of headers."""


class Record(NamedTuple):
    """A message on disk.

    Attributes:
        ordinal: Its number among all records of its producer's spool, from 0.
        sequence: Its number among all events of its producer.
        written_ms: When it was written, milliseconds since 1970 UTC.
        handed_ms: When it was handed to the Kafka client, so that Kafka may have it; 0 if it was not before it was
            written.
        priority: How much it matters; see :class:`turnlog.producers.kinds.Priority`.
        message: The message.
    """

    ordinal: int
    sequence: int
    written_ms: int
    handed_ms: int
    priority: int
    message: Message


def encode(record: Record) -> bytes:
    """Return a record as it stands in a segment."""
    ordinal, sequence, written_ms, handed_ms, priority, (topic, key, value, headers) = record
    name = topic.encode()
    parts = [
        _FIXED.pack(ordinal, sequence, written_ms, handed_ms, priority, len(name), len(key), len(headers)),
        name,
        key,
    ]
    for header, content in headers:
        text = header.encode()
        parts += (_HEADER.pack(len(text), len(content)), text, content)
    parts.append(value)
    payload = b"".join(parts)
    return _HEAD.pack(_MAGIC, len(payload), zlib.crc32(payload)) + payload


def decode_all(data: bytes) -> Iterator[Record]:
    """Yield the good records in a segment's bytes, passing over what is damaged, torn or none of ours."""
    at = 0
    while (found := data.find(_MAGIC, at)) >= 0:
        at = found + 1
        if found + _HEAD.size > len(data):
            return
        _, length, checksum = _HEAD.unpack_from(data, found)
        end = found + _HEAD.size + length
        if end > len(data) or length < _FIXED.size:
            continue
        payload = data[found + _HEAD.size : end]
        if zlib.crc32(payload) != checksum:
            continue
        record = _decode(payload)
        if record is not None:
            yield record
            at = end


def _decode(payload: bytes) -> Record | None:
    try:
        ordinal, sequence, written_ms, handed_ms, priority, topic, key, headers = _FIXED.unpack_from(payload)
        at = _FIXED.size + topic + key
        pairs = []
        for _ in range(headers):
            name, content = _HEADER.unpack_from(payload, at)
            at += _HEADER.size
            pairs.append((payload[at : at + name].decode(), payload[at + name : at + name + content]))
            at += name + content
        message = Message(
            payload[_FIXED.size : _FIXED.size + topic].decode(),
            payload[_FIXED.size + topic : _FIXED.size + topic + key],
            payload[at:],
            pairs,
        )
    except (struct.error, UnicodeDecodeError):
        return None  # a right checksum over what this version does not write
    return Record(ordinal, sequence, written_ms, handed_ms, priority, message)
