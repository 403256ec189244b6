"""The stage that refines raw topics: batches from Faust in, outputs to Kafka.

Nothing is committed before Kafka has all that came of it. Why that is exact: :mod:`turnlog.processors.refinery`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import partial

from turnlog.processors.batch import Batch, RawRecord
from turnlog.processors.output import Delivery, Output, OutputProducer
from turnlog.processors.redelivery import suspects
from turnlog.processors.refinery import Refinery
from turnlog.schemas import TransientError

SLICE_RECORDS = 100
SLICE_BYTES = 512 * 1024
"""What is refined in one go, before other topics and the group's housekeeping get their turn."""

RETRY_SECONDS = 0.5

Prepare = Callable[[Batch], Awaitable[None]]
FindDoubles = Callable[[Batch], frozenset[int]]


class RefineStage:
    """Runs batches of one raw topic.

    Args:
        refinery: What is done with each record.
        producer: Writes the outputs.
        prepare: Awaited before a batch: brings schemas and catalogue up to date. May raise TransientError.
        is_current: Tells whether a batch may still write.
        warn: Told in a sentence what is being waited for.
        find_doubles: Returns the offsets of records that stand in the partition already; called in a thread, and only
            for batches with marked records. May raise TransientError.
    """

    def __init__(
        self,
        refinery: Refinery,
        producer: OutputProducer,
        prepare: Prepare,
        is_current: Callable[[Batch], bool],
        warn: Callable[[str], None],
        *,
        find_doubles: FindDoubles = lambda _: frozenset(),
    ) -> None:
        self._refinery = refinery
        self._producer = producer
        self._prepare = prepare
        self._is_current = is_current
        self._warn = warn
        self._find_doubles = find_doubles

    async def process(self, batch: Batch) -> bool:
        """Refine a batch; returns when all outputs are in Kafka, or False if the batch lost its partition meanwhile.

        Raises:
            TransientError: If Kafka refused an output: the worker must end without committing the batch.
        """
        if not await self._persist(batch, lambda: self._prepare(batch)):
            return False
        doubles: set[int] = set()
        if suspects(batch.records) and not await self._persist(batch, lambda: self._look_back(batch, doubles)):
            return False
        delivery = Delivery()
        for records in slices(batch.records):
            outputs: list[Output] = []
            # Between slices the partition may have moved: its new owner writes now, and this one must not go on.
            if not await self._persist(batch, partial(self._refine, records, batch.partition, outputs, doubles)):
                return False
            await self._producer.send(outputs, delivery)
            await asyncio.sleep(0)
        await delivery.done()
        return True

    async def _look_back(self, batch: Batch, doubles: set[int]) -> None:
        doubles.update(await asyncio.to_thread(self._find_doubles, batch))

    async def _refine(
        self, records: Sequence[RawRecord], partition: int, outputs: list[Output], doubles: AbstractSet[int]
    ) -> None:
        outputs[:] = self._refinery.process(records, partition, doubles)

    async def _persist(self, batch: Batch, attempt: Callable[[], Awaitable[None]]) -> bool:
        """Try until it works or the batch is no longer current; what passes by itself is waited for, and said once."""
        said = ""
        while self._is_current(batch):
            try:
                await attempt()
            except TransientError as error:
                if str(error) != said:
                    said = str(error)
                    self._warn(said)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return True
        return False


def slices(records: Sequence[RawRecord]) -> Iterator[Sequence[RawRecord]]:
    """Cut records into runs of bounded number and size."""
    start = size = 0
    for index, record in enumerate(records):
        length = len(record.value or b"")
        if index > start and (index - start >= SLICE_RECORDS or size + length > SLICE_BYTES):
            yield records[start:index]
            start, size = index, 0
        size += length
    if start < len(records):
        yield records[start:]
