"""The stage that turns clean batches into panes: read state back, fold, write, confirm."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from turnlog.processors.batch import Batch, RawRecord
from turnlog.processors.output import Output
from turnlog.processors.stage import RETRY_SECONDS, slices
from turnlog.processors.stats.book import Change, Event, Kind, PaneBook, PaneCodec
from turnlog.processors.stats.log import MARK, Entry
from turnlog.processors.stats.pane import PaneKey
from turnlog.schemas import Decoder, PoisonError, SchemaStore, TransientError
from turnlog.schemas.errors import InvalidDatumError
from turnlog.schemas.headers import AVRO, CONTENT_TYPE, SOURCE, get, parse_source


class Log(Protocol):
    """Where panes are read back from."""

    def read(self, partition: int, position: int | None, load: Callable[[Entry], None]) -> int:
        """Read a partition to its end, blocking; see :meth:`turnlog.processors.stats.log.PaneLog.read`."""


Write = Callable[[Iterable[Output]], Coroutine[Any, Any, None]]
"""Writes messages in order and without holes, and returns when Kafka has all of them."""
Warn = Callable[[str], None]
"""Told in a sentence what is being waited for."""
DeadLetters = Callable[[Batch, RawRecord, PoisonError], Output]
"""Makes a dead letter of a record."""
IsCurrent = Callable[[Batch], bool]
"""Tells whether a batch's partition is still this worker's and the batch is its oldest unfinished one."""


@dataclass
class _Partition:
    """State of one partition number, of all source topics.

    Attributes:
        books: Panes by raw topic and raw partition.
        position: Where to go on reading the log; None before the first time.
        epoch: The consumer's epoch in which the log was last read to its end.
    """

    books: defaultdict[tuple[str, int], PaneBook]
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    position: int | None = None
    epoch: int | None = None


class PaneStage:
    """Folds batches of clean records into panes and writes those to the log of panes.

    Args:
        topic: The log of panes, prefix included.
        log: Reads it.
        store: Writer schemas of clean records and panes.
        write: Writes to it.
        dead_letter: Makes dead letters of records that can't be read.
        is_current: Asked after everything that waits.
        warn: Told in a sentence what is being waited for.
    """

    def __init__(
        self,
        topic: str,
        log: Log,
        store: SchemaStore,
        *,
        write: Write,
        dead_letter: DeadLetters,
        is_current: IsCurrent,
        warn: Warn,
    ) -> None:
        self._topic = topic
        self._log = log
        self._codec = PaneCodec(store)
        self._decoders = {record: Decoder(record, store) for record in ("ModelCall", "LogRecord")}
        self._write = write
        self._dead_letter = dead_letter
        self._is_current = is_current
        self._warn = warn
        self._partitions: dict[int, _Partition] = {}

    async def process(self, batch: Batch, kind: Kind) -> bool:
        """Bring a batch into the panes; returns when all of its panes and dead letters are in Kafka.

        Returns False, having written nothing, if the batch lost its partition meanwhile.

        Raises:
            TransientError: If Kafka refused something; the batch may then not be committed.
        """
        state = self._partitions.setdefault(batch.partition, _Partition(defaultdict(lambda: PaneBook(self._codec))))
        async with state.lock:
            if not await self._restore(state, batch):
                return False
            events, outputs = await self._decode(batch, kind)
            if not self._is_current(batch):
                return False
            folded = []
            for place, found in events.items():
                changes = state.books[place].fold(kind, found)
                folded.append((place, changes))
                # In order: that the entry with the batch's mark is in the log says that those before it are.
                outputs.extend(self._output(batch.partition, each) for each in changes.entries)
            if outputs:
                await self._write(outputs)
            for place, changes in folded:
                state.books[place].confirm(changes)
        return True

    async def _restore(self, state: _Partition, batch: Batch) -> bool:
        """Read what the log has that this worker does not know: at first all, after a rebalance what others wrote.

        Waits while Kafka is away; returns False if the batch lost its partition meanwhile.
        """

        def load(entry: Entry) -> None:
            try:
                key = PaneKey.from_bytes(entry.key)
                state.books[key.source_topic, key.source_partition].load(entry.key, entry.value, entry.mark)
            except PoisonError:
                return  # not written by this stage; whoever reads the topic as data reports it

        while state.epoch != batch.epoch:
            if not self._is_current(batch):
                return False
            try:
                state.position = await asyncio.to_thread(self._log.read, batch.partition, state.position, load)
                state.epoch = batch.epoch
            except TransientError as error:
                self._warn(str(error))
                await asyncio.sleep(RETRY_SECONDS)
        return True

    async def _decode(self, batch: Batch, kind: Kind) -> tuple[dict[tuple[str, int], list[Event]], list[Output]]:
        """Return a batch's events by raw partition, and dead letters of the rest; others get their turn in between."""
        decode = self._decoders[kind.record].decode
        events: defaultdict[tuple[str, int], list[Event]] = defaultdict(list)
        dead: list[Output] = []
        for records in slices(batch.records):
            for record in records:
                try:
                    source = parse_source(get(record.headers, SOURCE))
                    if source is None:
                        raise InvalidDatumError("a clean record without a source header")
                    events[source.topic, source.partition].append(Event(decode(record.value), source))
                except PoisonError as error:
                    dead.append(self._dead_letter(batch, record, error))
            await asyncio.sleep(0)
        return events, dead

    def _output(self, partition: int, change: Change) -> Output:
        headers: Sequence[tuple[str, bytes]] = [(CONTENT_TYPE, AVRO)]
        if change.mark >= 0:
            headers = [*headers, (MARK, str(change.mark).encode())]
        return Output(self._topic, partition, change.key, change.value, headers)
