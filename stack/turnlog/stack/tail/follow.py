"""Reads clean topics from Kafka without joining a group: it watches, and moves nobody's offsets."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from turnlog.schemas import Decoder, KafkaConnection, PoisonError, SchemaStore, TransientError, UserError
from turnlog.schemas.headers import SOURCE, get, parse_source
from turnlog.schemas.topics import BY_NAME
from turnlog.stack.tail.event import Event, Marks, Selection
from turnlog.stack.tail.schemas import PublishedSchemas

_METADATA_SECONDS = 10.0
_BATCH = 500


@dataclass(frozen=True)
class Start:
    """Where to begin.

    Attributes:
        beginning: With the oldest event that Kafka has.
        last: With so many of the newest; 0 for those that come from now on.
    """

    beginning: bool = False
    last: int = 0


@dataclass
class Counts:
    """What was not shown.

    Attributes:
        unreadable: Messages that no known schema reads.
        repeated: Copies of events that had been shown.
    """

    unreadable: int = 0
    repeated: int = 0


@dataclass
class _Backlog:
    """Events from before the start, until every partition has been read up to its end."""

    last: int
    waiting: set[tuple[str, int]]
    events: dict[tuple[str, int], deque[Event]] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        self.events.setdefault((event.topic, event.partition), deque(maxlen=self.last)).append(event)

    def newest(self) -> list[Event]:
        found = sorted((each for many in self.events.values() for each in many), key=lambda each: each.timestamp_ms)
        return found[-self.last :]


class Follower:
    """Reads events one by one. Close it, or use it as a context.

    Args:
        connection: Where Kafka is, and the topics' prefix.
        selection: Which events.
        start: Where to begin.

    Attributes:
        counts: What was not shown.

    Raises:
        TransientError: If Kafka does not answer.
        UserError: If a topic is missing.
    """

    def __init__(self, connection: KafkaConnection, selection: Selection, start: Start) -> None:
        self.counts = Counts()
        self._prefix = connection.prefix
        self._selection = selection
        self._store = SchemaStore()
        self._published = PublishedSchemas(connection, self._store)
        self._decoders = {name: Decoder(BY_NAME[name].record, self._store) for name in selection.topics}
        self._marks = Marks()
        self._consumer = Consumer(
            connection.librdkafka(
                **{"group.id": f"{connection.prefix}tail", "enable.partition.eof": True},
                enable_auto_commit=False,
                log_level=0,
            )
        )
        self._backlog = self._assign(start)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of Kafka."""
        self._consumer.close()
        self._published.close()

    def poll(self, timeout: float) -> Iterator[Event]:
        """Yield the events that are there; blocks for at most `timeout` seconds when there are none.

        Raises:
            TransientError: If Kafka reports an error that does not pass by itself.
        """
        first = self._consumer.poll(timeout)
        # A batch is asked for without a timeout: with one, the first event would wait until the batch is full.
        for message in [] if first is None else [first, *self._consumer.consume(_BATCH, 0)]:
            error = message.error()
            if error is not None:
                yield from self._trouble(message, error)
                continue
            event = self._event(message)
            if event is None or not self._selection.wants(event):
                continue
            if self._backlog is None:
                yield event
            else:
                self._backlog.add(event)

    def _trouble(self, message: Message, error: KafkaError) -> Iterator[Event]:
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - librdkafka's own codes begin with it
            if self._backlog is not None:
                self._backlog.waiting.discard((message.topic() or "", message.partition() or 0))
                if not self._backlog.waiting:
                    done, self._backlog = self._backlog, None
                    yield from done.newest()
        elif not error.retriable() and error.fatal():
            raise TransientError(f"Kafka: {error.str()}")

    def _event(self, message: Message) -> Event | None:
        source = parse_source(get(_headers(message), SOURCE))
        if not self._marks.is_new(source):
            self.counts.repeated += 1
            return None
        topic = (message.topic() or "").removeprefix(self._prefix)
        decoder, value = self._decoders[topic], message.value()
        try:
            if not self._published.knows(value):
                self._published.catch_up()
            record = decoder.decode(value)
        except PoisonError:
            self.counts.unreadable += 1
            return None
        return Event(topic, message.partition() or 0, message.offset() or 0, message.timestamp()[1], source, record)

    def _assign(self, start: Start) -> _Backlog | None:
        try:
            existing = self._consumer.list_topics(timeout=_METADATA_SECONDS).topics
            names = [self._prefix + name for name in self._selection.topics]
            missing = [name for name in names if name not in existing]
            if missing:
                raise UserError(f"Kafka has no topic {', '.join(missing)}: run `turnlog topics apply`")
            places = [TopicPartition(name, number) for name in names for number in existing[name].partitions]
            for place in places:
                place.offset = self._first(place, start)
            self._consumer.assign(places)
            self._published.catch_up()
        except KafkaException as error:
            raise TransientError(f"Kafka does not answer: {error.args[0].str()}") from error
        if start.beginning or not start.last:
            return None
        return _Backlog(start.last, {(place.topic, place.partition) for place in places})

    def _first(self, place: TopicPartition, start: Start) -> int:
        if start.beginning or (start.last and self._selection.narrow):
            return OFFSET_BEGINNING
        if not start.last:
            return OFFSET_END
        low, high = self._consumer.get_watermark_offsets(place, timeout=_METADATA_SECONDS)
        return max(low, high - start.last)


def _headers(message: Message) -> list[tuple[str, bytes | str | None]]:
    # Its stubs say that the headers of a message may be a mapping, which is how they are given; they are a list.
    headers = message.headers()
    return headers if isinstance(headers, list) else []
