"""Emits rolling windows: follows every partition of the log of panes, and writes the rows of the keys it owns.

Each worker reads all panes, because a key's panes lie in all partitions. A key has an owner partition by a hash of its
dimensions, and belongs to the worker that holds the clean partition of that number; its rows go to the rolling
partition of that number. Nothing is committed: what a reader needs lies in the last minutes of the log.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from threading import Event
from zlib import crc32

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from turnlog.processors.output import Output
from turnlog.processors.stats.book import PaneCodec
from turnlog.processors.stats.pane import PANE_US, Dimensions, PaneKey
from turnlog.processors.stats.rolling import HISTORY_US, RollingWindows
from turnlog.schemas import Datum, Encoder, KafkaConnection, PoisonError, SchemaStore
from turnlog.schemas.headers import AVRO, CONTENT_TYPE

GRACE_US = 1_000_000
"""How long after a boundary its windows are emitted: events need a moment to get into panes."""
_OVERLAP_US = 3 * PANE_US
"""How much of what an earlier owner emitted last is emitted again."""
_TIMEOUT = 10.0
_QUIET_US = 3_000_000
_NEVER = 2**63


def owner_of(key: Dimensions, partitions: int) -> int:
    """Return the number of the partition that a key belongs to, the same in every process."""
    return crc32(key.to_bytes()) % partitions


class RollingEmitter:
    """Follows panes and writes rolling rows, in a thread of its own.

    Args:
        connection: How to reach Kafka.
        store: Writer schemas of panes.
        owned: Returns the partition numbers this worker holds; called often, from the thread.
        write: Writes messages and blocks until Kafka has them.
        warn: Told in a sentence what is being waited for.
        now_us: Clock, microseconds since 1970 UTC.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        store: SchemaStore,
        *,
        owned: Callable[[], frozenset[int]],
        write: Callable[[Iterable[Output]], None],
        warn: Callable[[str], None],
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._panes = f"{connection.prefix}panes"
        self._rolling = f"{connection.prefix}rolling"
        self._connection = connection
        self._codec = PaneCodec(store)
        self._encoder = Encoder("Rolling")
        self._owned = owned
        self._write = write
        self._warn = warn
        self._now = now_us
        self._windows: dict[int, tuple[RollingWindows, int]] = {}
        self._behind: dict[int, int] = {}
        self._quiet_since = 0
        self._partitions = 0

    def run(self, stop: Event) -> None:
        """Follow the log until told to stop; waits while Kafka is away.

        Raises:
            TransientError: If Kafka refused a row.
        """
        consumer = Consumer(
            self._connection.librdkafka(
                group_id=f"{self._rolling}-reader",  # asked for by the library; nothing joins or commits
                enable_auto_commit=False,
                enable_auto_offset_store=False,
                auto_offset_reset="earliest",
                fetch_wait_max_ms=100,
            )
        )
        emitted = 0
        try:
            while not stop.is_set():
                try:
                    self._take_over(consumer)
                    found = consumer.consume(2000, timeout=0.2)
                    for message in found:
                        self._put(message)
                except KafkaException as error:
                    self._warn(f"rolling windows wait for Kafka: {error}")
                    stop.wait(1.0)
                    continue
                now = self._now()
                self._catch_up(now, quiet=not found)
                if not self._behind and now - emitted >= GRACE_US:
                    emitted = now
                    self._emit(now)
        finally:
            consumer.close()

    def _take_over(self, consumer: Consumer) -> None:
        """Drop keys of partitions that are others' now; for new ones, read the past again."""
        owned = self._owned()
        for lost in self._windows.keys() - owned:
            del self._windows[lost]
        gained = owned - self._windows.keys()
        if not gained:
            return
        topics = consumer.list_topics(self._panes, timeout=_TIMEOUT).topics
        numbers = sorted(topics[self._panes].partitions) if self._panes in topics else []
        if not numbers:
            return
        self._partitions = len(numbers)
        past = (self._now() - HISTORY_US) // 1000
        starts = consumer.offsets_for_times(
            [TopicPartition(self._panes, number, past) for number in numbers], timeout=_TIMEOUT
        )
        ends = {place.partition: self._end(consumer, place) for place in starts}
        gains = {number: self._last_emission(consumer, number) for number in gained}
        consumer.assign(starts)
        self._behind = ends
        self._quiet_since = self._now()
        for number, time_us in gains.items():
            self._windows[number] = RollingWindows(time_us - _OVERLAP_US), time_us - _OVERLAP_US

    def _last_emission(self, consumer: Consumer, number: int) -> int:
        """Return when a partition's last row was written, in microseconds; 0 if there is none."""
        place = TopicPartition(self._rolling, number)
        low, end = consumer.get_watermark_offsets(place, timeout=_TIMEOUT)
        if low >= end:
            return 0
        consumer.assign([TopicPartition(self._rolling, number, end - 1)])
        found = consumer.consume(1, timeout=_TIMEOUT)
        if not found or found[0].error() is not None:
            return 0
        return int(found[0].timestamp()[1]) * 1000

    def _end(self, consumer: Consumer, place: TopicPartition) -> int:
        """Return where a partition ends now, or 0 if nothing is to be read up to there."""
        low, end = consumer.get_watermark_offsets(place, timeout=_TIMEOUT)
        if place.offset < 0:  # nothing is that young
            place.offset = end
        return int(end) if max(place.offset, low) < end else 0

    def _catch_up(self, now: int, *, quiet: bool) -> None:
        """Note how far the past is read; silence ends it too, for its last entries may be compacted away meanwhile."""
        if not quiet:
            self._quiet_since = now
        if now - self._quiet_since > _QUIET_US:
            self._behind.clear()
        self._behind = {number: end for number, end in self._behind.items() if end}

    def _put(self, message: Message) -> None:
        error, partition, offset = message.error(), message.partition() or 0, message.offset() or 0
        if error is not None:
            if not error.retriable():
                self._warn(f"rolling windows wait for the log of panes: {error.str()}")
            return
        if offset + 1 >= self._behind.get(partition, _NEVER):
            del self._behind[partition]
        key, value = message.key(), message.value()
        if key is None or value is None:
            return
        try:
            owner = owner_of(PaneKey.from_bytes(key).dimensions, self._partitions)
            if owner not in self._windows:
                return
            windows, fresh_from = self._windows[owner]
            windows.put(self._codec.decode(value), self._now(), fresh=message.timestamp()[1] * 1000 >= fresh_from)
        except PoisonError as poison:
            self._warn(f"{self._panes}:{partition}:{offset} is not a pane: {poison}")

    def _emit(self, now: int) -> None:
        rows = [
            self._output(number, row)
            for number, (windows, _) in self._windows.items()
            for row in windows.due(now - GRACE_US)
        ]
        if rows:
            self._write(rows)

    def _output(self, number: int, row: Datum) -> Output:
        key = [row[name] for name in (*Dimensions._fields, "window_seconds")]
        return Output(
            self._rolling,
            number,
            json.dumps(key, ensure_ascii=False, separators=(",", ":")).encode(),
            self._encoder.encode(row),
            [(CONTENT_TYPE, AVRO)],
        )
