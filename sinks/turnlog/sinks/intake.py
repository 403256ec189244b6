"""Kafka messages to items: framing, headers, coordinates."""

from __future__ import annotations

from typing import Any, Protocol

from turnlog.schemas import DecodeError, Decoder, Encoder, Framed, Schema, SchemaStore, Source
from turnlog.schemas.codec import SINGLE_OBJECT
from turnlog.schemas.errors import UnknownSchemaError
from turnlog.schemas.headers import PRODUCER, REDACTION_US, SOURCE, STAGE, parse_redaction_us, parse_source
from turnlog.schemas.topics import BY_NAME
from turnlog.sinks.batch import Item
from turnlog.sinks.letter import SINK, Letter
from turnlog.sinks.routes import Route
from turnlog.sinks.splice import Row


class Message(Protocol):
    """A consumed Kafka message, as far as it is needed here."""

    def value(self) -> Any:
        """Return its bytes, or None."""

    def key(self) -> Any:
        """Return its key, or None."""

    def headers(self) -> Any:
        """Return its headers as a list of pairs, or None."""

    def timestamp(self) -> tuple[int, int]:
        """Return the kind of its timestamp, and the timestamp in milliseconds."""

    def offset(self) -> int | None:
        """Return its offset."""


class Intake:
    """Reads the messages of one partition of a topic.

    Args:
        route: Where they go.
        topic: The topic's full name.
        partition: The partition.
        store: Where writer schemas are found.
    """

    def __init__(self, route: Route, topic: str, partition: int, store: SchemaStore) -> None:
        self._route = route
        self._topic = topic
        self._partition = partition
        self._decoder = Decoder(route.record, store, BY_NAME[route.topic].max_bytes)
        self._dead_letters = route.table == "dead_letters"
        self._frames: dict[bytes, Framed] = {}
        self._sources: dict[tuple[bytes, bytes], tuple[str, int]] = {}

    def item(self, message: Message) -> Item:
        """Take a message apart. Every message goes through here: it is written for speed.

        Raises:
            UnknownSchemaError: If nobody has published its writer schema, as far as the store knows.
            TransientError: If a registry has to be asked and does not answer.
        """
        value: bytes | None = message.value()
        offset = message.offset() or 0
        time_ms = message.timestamp()[1]
        key: bytes | None = message.key()
        mark, partition, source_offset, source_time, redaction_us, origin, stage = self._tags(message)
        if value is None:
            return Item(None, None, mark, source_offset, None, key, origin, time_ms, offset, 0)
        framed = self._frames.get(value[:10])
        if framed is None:
            try:
                framed = self._frame(value)
            except UnknownSchemaError:
                raise
            except DecodeError as error:
                letter = self._letter(message, value, origin, stage, error)
                return Item(None, None, mark, source_offset, letter, key, origin, time_ms, offset, len(value))
        schema, start = framed
        size = len(value)
        if self._dead_letters:
            try:
                value, start = without_bytes(schema, value, start)
            except DecodeError as error:
                letter = self._letter(message, value, origin, stage, error)
                return Item(None, None, mark, source_offset, letter, key, origin, time_ms, offset, size)
        if mark is None:
            row = Row(offset, value, start, self._partition, offset, time_ms)
        else:
            row = Row(offset, value, start, partition, source_offset, source_time, redaction_us)
        return Item(row, schema, mark, source_offset, None, key, origin, time_ms, offset, size)

    def unreadable(self, message: Message, error: DecodeError) -> Item:
        """Return the item of a message whose schema stays unknown: a dead letter."""
        value: bytes = message.value() or b""
        *_, origin, stage = self._tags(message)
        letter = self._letter(message, value, origin, stage, error)
        time_ms = message.timestamp()[1]
        return Item(None, None, None, 0, letter, message.key(), origin, time_ms, message.offset() or 0, len(value))

    def _frame(self, value: bytes) -> Framed:
        framed = self._decoder.frame(value)
        if value[:2] == SINGLE_OBJECT:
            self._frames[value[:10]] = framed
        return framed

    def _tags(self, message: Message) -> tuple[str | None, int, int, int, int, bytes | None, str]:
        """Read the headers: mark, partition, offset and time of the source, redaction's time, producer, stage."""
        mark: str | None = None
        partition = offset = time_ms = redaction_us = 0
        origin: bytes | None = None
        stage = ""
        for name, content in message.headers() or ():
            if name == SOURCE:
                found = self._coordinates(content)
                if found is not None:
                    mark, partition, offset, time_ms = found
            elif name == PRODUCER:
                origin = content
            elif name == REDACTION_US:
                redaction_us = parse_redaction_us(content)
            elif name == STAGE:
                stage = content.decode("utf-8", "replace") if content else ""
        if mark is not None and self._dead_letters:
            mark = f"{stage}:{mark}"
        return mark, partition, offset, time_ms, redaction_us, origin, stage

    def _coordinates(self, content: bytes | None) -> tuple[str, int, int, int] | None:
        if not content:
            return None
        head, _, rest = content.partition(b":")
        number, _, rest = rest.partition(b":")
        offset, _, time_ms = rest.partition(b":")
        known = self._sources.get((head, number))
        if known is not None and offset.isdigit() and time_ms.isdigit():
            return known[0], known[1], int(offset), int(time_ms)
        source = parse_source(content)
        if source is None:
            return None
        mark = f"{source.topic}:{source.partition}"
        self._sources[head, number] = (mark, source.partition)
        return mark, source.partition, source.offset, source.timestamp_ms

    def _letter(
        self, message: Message, value: bytes, origin: bytes | None, stage: str, error: DecodeError
    ) -> Letter | None:
        if self._dead_letters and stage == SINK:
            return None  # a letter about one of our own letters would make another, for ever
        source = Source(self._topic, self._partition, message.offset() or 0, message.timestamp()[1])
        return Letter(source, message.key(), value, origin, type(error).__name__, str(error))


def without_bytes(schema: Schema, value: bytes, start: int) -> tuple[bytes, int]:
    """Return a dead letter without the key and the bytes of its message, which were never redacted and stay in Kafka.

    The tables have no columns for them; but what is never sent to ClickHouse is on none of its disks for a moment, and
    in none of its errors.

    Args:
        schema: What wrote the letter.
        value: The letter.
        start: Where in it the datum begins.

    Returns:
        A letter of the same schema, and where in it the datum begins.

    Raises:
        DecodeError: If it can't be read.
    """
    store = SchemaStore()
    store.add(schema)
    datum = Decoder(schema, store, len(value) + 10).decode(SINGLE_OBJECT + schema.fingerprint + value[start:])
    encoder = Encoder(schema)
    return encoder.encode({**datum, "key": None, "payload": b""}), len(encoder.header)
