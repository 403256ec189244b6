"""The log of panes, as its own readers see it: where a partition's state is read back from.

Faust's table recovery is not used. It reads the whole changelog through the worker's own consumer, entry by entry, at
every start; here the time of the last committed event says how far back a pane can matter, a bit over an hour instead
of two days. And the marks (see :mod:`turnlog.processors.stats.book`) live in the entries' headers, which Faust's tables
do not show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from turnlog.processors.stats.pane import LATENESS_US
from turnlog.schemas import KafkaConnection, TransientError
from turnlog.schemas.headers import SOURCE, get, parse_source

MARK = "absorbed"
"""Header of an entry: the book's mark once this entry is in the log."""
LOOK_BACK_MS = LATENESS_US // 1000 + 600_000
"""How much earlier than the next event's time by the broker a pane can have been written that the event may change: an
hour of lateness, five minutes for times in the future, and as much again for clocks that differ."""

_TIMEOUT = 10.0


class Entry(NamedTuple):
    """A message of the log of panes.

    Attributes:
        key: The pane's key.
        value: The pane, encoded; None where it was deleted.
        mark: The mark in its header; -1 where there is none.
    """

    key: bytes
    value: bytes | None
    mark: int


class PaneLog:
    """Reads partitions of the log of panes to their end; every method blocks.

    Args:
        connection: How to reach Kafka.
        group: The consumer group whose commits say what has been absorbed.
        clean: Names, with the prefix, of the clean topics that panes are made from.
    """

    def __init__(self, connection: KafkaConnection, group: str, clean: Sequence[str]) -> None:
        self._connection = connection
        self._group = group
        self._clean = tuple(clean)
        self._topic = f"{connection.prefix}panes"

    def read(self, partition: int, position: int | None, load: Callable[[Entry], None]) -> int:
        """Read a partition to its end.

        Args:
            partition: Which.
            position: Where to begin, as returned by an earlier call; None to begin where entries may matter.
            load: Takes each entry.

        Returns:
            Where the next read may begin.

        Raises:
            TransientError: If Kafka does not answer.
        """
        consumer = Consumer(
            self._connection.librdkafka(
                group_id=self._group,
                enable_auto_commit=False,
                enable_auto_offset_store=False,
                enable_partition_eof=True,
                auto_offset_reset="earliest",
                fetch_wait_max_ms=10,
                fetch_queue_backoff_ms=10,
            )
        )
        try:
            start = self._start(consumer, partition) if position is None else position
            return self._read(consumer, partition, start, load)
        except KafkaException as error:
            raise TransientError(f"the log of panes can't be read: {error}") from error
        finally:
            consumer.close()

    def _read(self, consumer: Consumer, partition: int, start: int, load: Callable[[Entry], None]) -> int:
        low, end = consumer.get_watermark_offsets(TopicPartition(self._topic, partition), timeout=_TIMEOUT)
        start = max(start, low)
        if start >= end:
            return int(end)
        consumer.assign([TopicPartition(self._topic, partition, start)])
        for message in _messages(consumer):
            key = message.key()
            if key is not None:
                mark = get(_headers(message), MARK) or b""
                load(Entry(key, message.value(), int(mark) if mark.isdigit() else -1))
            if (message.offset() or 0) + 1 >= end:
                break
        return int(end)

    def _start(self, consumer: Consumer, partition: int) -> int:
        """Return the first offset at which an entry may matter to events that are not yet committed."""
        times = [self._time(consumer, TopicPartition(topic, partition)) for topic in self._clean]
        oldest = min((time for time in times if time is not None), default=0)
        if oldest <= LOOK_BACK_MS:
            return 0
        wanted = TopicPartition(self._topic, partition, oldest - LOOK_BACK_MS)
        found = consumer.offsets_for_times([wanted], timeout=_TIMEOUT)[0]
        # No entry is that young: only the end is left, which _read finds by itself.
        return found.offset if found.offset >= 0 else 2**63 - 1

    def _time(self, consumer: Consumer, place: TopicPartition) -> int | None:
        """Return broker time in milliseconds that no uncommitted event of a clean partition can precede.

        That is the time of the last committed record: raw records are in order of their broker's time. None where the
        partition never held anything, 0 where nothing is known.
        """
        low, end = consumer.get_watermark_offsets(place, timeout=_TIMEOUT)
        if end == 0:
            return None
        committed = consumer.committed([place], timeout=_TIMEOUT)[0].offset
        if committed <= 0 or low == end:
            return 0
        consumer.assign([TopicPartition(place.topic, place.partition, min(max(low, committed - 1), end - 1))])
        try:
            message = next(_messages(consumer), None)
        finally:
            consumer.unassign()
        source = parse_source(get(_headers(message), SOURCE)) if message is not None else None
        return source.timestamp_ms if source is not None else 0


def _headers(message: Message) -> dict[str, bytes]:
    found = message.headers() or []
    pairs = found.items() if isinstance(found, dict) else found
    return {name: value for name, value in pairs if isinstance(value, bytes)}


def _messages(consumer: Consumer) -> Iterator[Message]:
    """Yield messages until the assigned partition's end."""
    while True:
        message = consumer.poll(_TIMEOUT)  # consume() would wait for a full list or all of the timeout
        if message is None:
            raise TransientError(f"Kafka has not answered for {_TIMEOUT:g} s")
        error = message.error()
        if error is None:
            yield message
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the name that the library documents
            return
        elif not error.retriable():
            raise KafkaException(error)
