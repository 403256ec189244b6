"""Kafka messages to items: framing, headers, coordinates."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from turnlog.schemas import DecodeError, Decoder, Framed, SchemaStore, Source
from turnlog.schemas.codec import SINGLE_OBJECT
from turnlog.schemas.errors import UnknownSchemaError
from turnlog.schemas.headers import PRODUCER, SOURCE, STAGE, parse_source
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

    def item(self, message: Message) -> Item:
        """Take a message apart.

        Raises:
            UnknownSchemaError: If nobody has published its writer schema, as far as the store knows.
            TransientError: If a registry has to be asked and does not answer.
        """
        value: bytes | None = message.value()
        tags = _tags(message)
        source = tags.source
        item = Item(
            row=None,
            schema=None,
            mark=self._mark(tags),
            mark_offset=0 if source is None else source.offset,
            letter=None,
            key=message.key(),
            origin=tags.origin,
            time_ms=message.timestamp()[1],
            offset=message.offset() or 0,
            size=0 if value is None else len(value),
        )
        if value is None:
            return item
        framed = self._frames.get(value[:10])
        if framed is None:
            try:
                framed = self._decoder.frame(value)
            except UnknownSchemaError:
                raise
            except DecodeError as error:
                return self._dead(item, value, tags, error)
            if value[:2] == SINGLE_OBJECT:
                self._frames[value[:10]] = framed
        schema, start = framed
        if source is None:
            row = Row(item.offset, value, start, self._partition, item.offset, item.time_ms)
        else:
            row = Row(item.offset, value, start, source.partition, source.offset, source.timestamp_ms)
        return item._replace(row=row, schema=schema)

    def unreadable(self, message: Message, error: DecodeError) -> Item:
        """Return the item of a message whose schema stays unknown: a dead letter."""
        value: bytes = message.value() or b""
        tags = _tags(message)
        time_ms = message.timestamp()[1]
        offset = message.offset() or 0
        item = Item(None, None, None, 0, None, message.key(), tags.origin, time_ms, offset, len(value))
        return self._dead(item, value, tags, error)

    def _mark(self, tags: _Tags) -> str | None:
        if tags.source is None:
            return None
        mark = f"{tags.source.topic}:{tags.source.partition}"
        return f"{tags.stage}:{mark}" if self._dead_letters else mark

    def _dead(self, item: Item, value: bytes, tags: _Tags, error: DecodeError) -> Item:
        if self._dead_letters and tags.stage == SINK:
            return item  # a letter about one of our own letters would make another, for ever
        source = Source(self._topic, self._partition, item.offset, item.time_ms)
        return item._replace(letter=Letter(source, item.key, value, item.origin, type(error).__name__, str(error)))


class _Tags(NamedTuple):
    """What a message's headers say."""

    source: Source | None
    origin: bytes | None
    stage: str


def _tags(message: Message) -> _Tags:
    source: Source | None = None
    origin: bytes | None = None
    stage = ""
    for name, content in message.headers() or ():
        if name == SOURCE:
            source = parse_source(content)
        elif name == PRODUCER:
            origin = content
        elif name == STAGE:
            stage = content.decode("utf-8", "replace") if content else ""
    return _Tags(source, origin, stage)
