"""Records to bytes and back, in Avro's single-object encoding or Confluent's wire format.

Single-object (Avro 1.12 specification, "Single-object encoding"): C3 01, the writer schema's CRC-64-AVRO fingerprint in
eight bytes, little endian, then the datum. Confluent: 00, the schema's registry id in four bytes, big endian, then the
datum. A reader accepts both and tells them apart by the first byte.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import NamedTuple

from fastavro import schemaless_reader, schemaless_writer

from turnlog.schemas.errors import (
    BadMagicError,
    DecodeError,
    EmptyPayloadError,
    EncodeError,
    InvalidDatumError,
    TooLargeError,
    TrailingBytesError,
    TruncatedError,
    UnknownSchemaError,
    WrongRecordError,
)
from turnlog.schemas.schema import Datum, Schema, load
from turnlog.schemas.store import SchemaStore

SINGLE_OBJECT = b"\xc3\x01"
CONFLUENT = b"\x00"
MAX_RECORD_BYTES = 8 * 1024 * 1024
"""Largest message of a raw topic; what is larger is named too large."""


class Framed(NamedTuple):
    """A message taken apart.

    Attributes:
        schema: The writer's schema.
        start: Where in the message the datum begins.
    """

    schema: Schema
    start: int


class Encoder:
    """Writes records of one schema.

    Args:
        schema: The record's schema, or its name for the current one.
        header: What goes before each datum; by default the single-object header. See :func:`confluent_header`.
    """

    def __init__(self, schema: Schema | str, header: bytes | None = None) -> None:
        self.schema = load(schema) if isinstance(schema, str) else schema
        self.header = SINGLE_OBJECT + self.schema.fingerprint if header is None else header
        self._plain = self.schema.plain

    def encode(self, datum: Datum) -> bytes:
        """Return the record's message; fields left out take their defaults.

        Timestamps are integers of microseconds and decimals are bytes (see :mod:`turnlog.schemas.decimals`). Unknown
        fields are refused. Numbers are not checked beyond what Avro needs: a bool in a long field is written as 1.

        Raises:
            EncodeError: If the datum does not fit the schema; names the record and what is wrong.
        """
        out = BytesIO()
        out.write(self.header)
        try:
            schemaless_writer(out, self._plain, datum, strict_allow_default=True)
        except Exception as error:
            raise EncodeError(f"{self.schema.name} can't be written: {_reason(error)}") from error
        return out.getvalue()


class Decoder:
    """Reads records of one kind, whichever version of their schema wrote them.

    Args:
        schema: The reader's schema, or the record's name for the current one.
        store: Where writer schemas are looked up.
        max_bytes: Messages above this are refused as too large.
    """

    def __init__(self, schema: Schema | str, store: SchemaStore, max_bytes: int = MAX_RECORD_BYTES) -> None:
        self.schema = load(schema) if isinstance(schema, str) else schema
        self.store = store
        self.max_bytes = max_bytes

    def frame(self, message: bytes | None) -> Framed:
        """Find a message's writer schema and where its datum begins, without reading the datum.

        Raises:
            DecodeError: One of its kinds; see :mod:`turnlog.schemas.errors`.
        """
        if not message:
            raise EmptyPayloadError(f"an empty message where a {self.schema.name} should be")
        if len(message) > self.max_bytes:
            raise TooLargeError(f"{len(message)} bytes where a record has at most {self.max_bytes}")
        if message[:2] == SINGLE_OBJECT:
            framed = self._single_object(message)
        elif message[:1] == CONFLUENT:
            framed = self._confluent(message)
        else:
            raise BadMagicError(f"starts with {message[:2].hex()}, neither c301 (single-object) nor 00 (Confluent)")
        if framed.schema.name != self.schema.name:
            raise WrongRecordError(f"a {framed.schema.name} where a {self.schema.name} should be")
        return framed

    def decode(self, message: bytes | None) -> Datum:
        """Read a message into a record of the reader's schema.

        Raises:
            DecodeError: One of its kinds; see :mod:`turnlog.schemas.errors`.
        """
        writer, start = self.frame(message)
        assert message is not None  # frame() refuses None
        source = BytesIO(message)
        source.seek(start)
        reader = None if writer.fingerprint == self.schema.fingerprint else self.schema.plain
        try:
            datum = schemaless_reader(source, writer.plain, reader)
        except EOFError as error:
            raise TruncatedError(f"a {writer.name} that ends too early, after {len(message)} bytes") from error
        except (DecodeError, MemoryError):
            raise
        except Exception as error:
            raise InvalidDatumError(f"not a {writer.name}: {_reason(error)}") from error
        left = len(message) - source.tell()
        if left:
            raise TrailingBytesError(f"{left} bytes after the end of a {writer.name}")
        if not isinstance(datum, dict):
            raise InvalidDatumError(f"not a {writer.name}: no record")
        return datum

    def _single_object(self, message: bytes) -> Framed:
        if len(message) < 10:
            raise TruncatedError(f"{len(message)} bytes, too few for a single-object header")
        schema = self.store.by_fingerprint(message[2:10])
        if schema is None:
            raise UnknownSchemaError(f"schema {message[2:10].hex()} was never published to the schema topic")
        return Framed(schema, 10)

    def _confluent(self, message: bytes) -> Framed:
        if len(message) < 5:
            raise TruncatedError(f"{len(message)} bytes, too few for a Confluent header")
        schema_id = int.from_bytes(message[1:5], "big")
        schema = self.store.by_id(schema_id)
        if schema is None:
            where = "the registry has none" if self.store.registry else "no registry is configured"
            raise UnknownSchemaError(f"schema id {schema_id}: {where}")
        return Framed(schema, 5)


def confluent_header(schema_id: int) -> bytes:
    """Return the header of Confluent's wire format for a registry id."""
    return CONFLUENT + schema_id.to_bytes(4, "big")


def fingerprint_in(message: bytes | None) -> str | None:
    """Return the fingerprint or registry id that a message's header names, in hexadecimal, if it names one."""
    if not message:
        return None
    if message[:2] == SINGLE_OBJECT and len(message) >= 10:
        return message[2:10].hex()
    if message[:1] == CONFLUENT and len(message) >= 5:
        return message[1:5].hex()
    return None


_SAFE_REASONS: dict[type[BaseException], Callable[[BaseException], str]] = {
    UnicodeDecodeError: lambda _: "a string is not UTF-8",
    UnicodeEncodeError: lambda _: "a string holds a lone surrogate",
    IndexError: lambda _: "a union branch or enum symbol that does not exist",
    OverflowError: lambda _: "a number is out of range",
}


def _reason(error: BaseException) -> str:
    """Describe a codec failure without quoting the values that caused it: they may be personal."""
    for kind, describe in _SAFE_REASONS.items():
        if isinstance(error, kind):
            return describe(error)
    return type(error).__name__
