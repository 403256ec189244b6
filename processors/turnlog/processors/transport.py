"""Faust's Kafka transport, with a whole poll of a partition as one message.

Faust spends some 60 µs on every message's tasks, queues and acknowledgements. Handing an agent all that a poll brought
for one partition as one message divides that by the size of the poll, and leaves agents, tables, rebalancing and
monitoring as they are. Changelog partitions keep their messages single: table recovery reads through the same consumer.

Four more things differ from Faust's transport, and each of them guards exactness or delay:

* Offsets to commit come from a :class:`~turnlog.processors.ledger.Ledger` and not from acknowledgements.
* Partitions whose agent is behind are not fetched from, so that one slow topic holds nobody else up and memory is
  bounded; what the broker has sent meanwhile becomes the next, larger batch.
* A commit that fails because the broker is away is tried again later instead of crashing the worker.
* A group membership that has failed for good crashes the worker; aiokafka would only log it, and the worker stand idle.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from time import monotonic
from typing import Any, ClassVar, cast

import aiokafka  # type: ignore[import-untyped]  # it ships no types
from aiokafka.errors import (  # type: ignore[import-untyped]  # same
    CommitFailedError,
    IllegalStateError,
    KafkaError,
)
from faust.transport.consumer import RecordMap, ensure_TP
from faust.transport.drivers.aiokafka import (
    AIOKafkaConsumerThread,
    Consumer,
    Transport,
    ensure_aiokafka_TP,
)
from faust.types import TP, ConsumerMessage, Message
from faust.types.transports import ConsumerT, TPorTopicSet
from mode import Service
from mode.utils.futures import notify

from turnlog.processors.batch import Batch, RawRecord
from turnlog.processors.ledger import Ledger

POLL_SECONDS = 0.05
"""Longest wait for records before looking again which partitions have room."""

FETCH_WAIT_MS = 50
"""How long the broker may hold back an answer. A partition that becomes readable while a fetch of the others is under
way waits for that answer, so this bounds the delay that fetching adds."""

MEMBERSHIP_SECONDS = 1.0
"""How often to look whether the worker can still be a member of its group."""

BATCHES_OUT = 2
"""Batches of one partition handed out at a time: one in work and one waiting."""


class BatchConsumerThread(AIOKafkaConsumerThread):
    """The thread that talks to Kafka."""

    def _create_worker_consumer(self, transport: Transport) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # Faust sets 1500 ms and has no setting for it; the consumer reads it when it starts, which is later.
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001 - see above
        return consumer

    def membership_error(self) -> BaseException | None:
        """Return what ended the group membership, None while nothing has; for any thread.

        aiokafka keeps such an error for whoever polls next; without partitions nobody polls.
        """
        coordinator: Any = getattr(self._consumer, "_coordinator", None)
        task = getattr(coordinator, "_coordination_task", None)
        if task is not None and task.done() and not task.cancelled():
            return cast("BaseException | None", task.exception())
        pending = getattr(coordinator, "_pending_exception", None)
        return pending if isinstance(pending, KafkaError) and not pending.retriable else None

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek stream partitions to what is committed, or to their beginning; returns the committed offsets.

        aiokafka leaves a partition that was never committed where it stands, which may be behind records that were
        fetched and thrown away when partitions moved.
        """
        found: Mapping[TP, int] = await self.call_thread(self._seek_streams)
        return found

    async def _seek_streams(self) -> Mapping[TP, int]:
        consumer = self._ensure_consumer()
        changelogs = self.app.tables.changelog_topics
        streams = [tp for tp in consumer.assignment() if tp.topic not in changelogs]
        if not streams:
            return {}
        offsets: Mapping[TP, int] = await consumer.seek_to_committed(*streams)
        fresh = [tp for tp, offset in offsets.items() if not offset]
        if fresh:
            await consumer.seek_to_beginning(*fresh)
        return offsets

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        consumer = self._ensure_consumer()
        assigned = self.assignment()
        wanted = {
            ensure_aiokafka_TP(tp): aiokafka.structs.OffsetAndMetadata(offset, "")
            for tp, offset in offsets.items()
            if tp in assigned
        }
        if not wanted:
            return False
        try:
            await consumer.commit(wanted)
        except (CommitFailedError, IllegalStateError) as error:
            self.log.warning("Partitions moved before their commit; their records are read again: %s", error)
            return False
        except KafkaError as error:
            if not error.retriable:
                await self.crash(error)
                return False
            self.log.warning("Kafka did not take a commit, trying again: %r", error)
            return False
        return True


class BatchConsumer(Consumer):
    """Consumer whose messages on stream topics are :class:`~turnlog.processors.batch.Batch` values."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.ledger = Ledger()
        self._room = asyncio.Event()
        self._seeking = 0
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @Service.task
    async def _watch_membership(self) -> None:
        while not self.should_stop:
            await self.sleep(MEMBERSHIP_SECONDS)
            error = cast("BatchConsumerThread", self._thread).membership_error()
            if error is not None and not self.should_stop:
                self.log.error("This worker can't be a member of its group any more: %s", error)
                await self.crash(error)

    def is_next(self, batch: Batch) -> bool:
        """Tell whether a batch may write outputs: it is its partition's oldest and no seek has come in between."""
        return self.ledger.is_next((batch.topic, batch.partition), batch.epoch, batch.last)

    def finish(self, batch: Batch) -> None:
        """Let a batch be committed: everything that came of it is in Kafka."""
        self.ledger.finish((batch.topic, batch.partition), batch.epoch, batch.last)
        self._room.set()

    async def _getmany(  # Faust's signature
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109 - same
    ) -> RecordMap:
        if active_partitions is None:
            return await super()._getmany(active_partitions, timeout)
        ready = {tp for tp in active_partitions if self.ledger.outstanding(tp) < BATCHES_OUT}
        if not ready:
            self._room.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._room.wait(), timeout)
            return {}
        return await super()._getmany(ready, timeout)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109 - Faust's signature
        """Yield each changelog record, and each stream partition's records of this poll as one message."""
        epoch = self.ledger.epoch
        generation = self.app.consumer_generation_id
        records, active = await self._wait_next_records(min(timeout, POLL_SECONDS))
        if records is None or self.should_stop:
            return
        if records and self._moved(generation, epoch):
            # A rebalance or seek overtook the fetch: its records may lie before the new position, or behind it. While
            # the flow is stopped nothing needs doing: Faust seeks before it resumes.
            await self._seek_again()
            return
        for key, found in records.items():
            tp = ensure_TP(key)
            if not found or (active is not None and tp not in active and tp not in self._buffered_partitions):
                continue
            self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
            if self._is_changelog_tp(tp):
                for record in found:
                    if self._moved(generation, epoch):
                        return
                    yield tp, self._to_message(tp, record)
            elif self._moved(generation, epoch):
                return
            else:
                # The ledger is what keeps order and commits; Faust's own offset tracking would see gaps.
                self._read_offset[tp] = None
                yield tp, self._to_batch(tp, found, generation)

    def _moved(self, generation: int, epoch: int) -> bool:
        """Tell whether partitions or positions moved, or are moving: what was fetched before must not be handed out."""
        if self._seeking or not self.flow_active:
            return True
        return generation != self.app.consumer_generation_id or epoch != self.ledger.epoch

    async def _seek_again(self) -> None:
        """Bring back records that were fetched and can't be handed out; blocks until the seek is done."""
        while self.flow_active and not self.should_stop:
            try:
                await self.perform_seek()
            except (KafkaError, AssertionError, TimeoutError) as error:
                self.log.warning("Could not seek back, trying again: %r", error)
                await self.sleep(0.2)
            else:
                return

    def _to_batch(self, tp: TP, found: list[Any], generation: int) -> ConsumerMessage:
        last = found[-1]
        batch = Batch(
            tp.topic,
            tp.partition,
            [RawRecord(each.offset, each.timestamp or 0, each.key, each.value, each.headers) for each in found],
            self.ledger.epoch,
            monotonic(),
        )
        self.ledger.deliver(tp, last.offset)
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            last.offset,
            (last.timestamp or 0) / 1000,
            last.timestamp_type,
            None,
            None,
            cast("bytes", batch),
            None,
            0,
            len(found),
            tp,
            generation_id=generation,
        )

    async def perform_seek(self) -> None:
        """Seek all partitions to what is committed; batches from before no longer count."""
        self._seeking += 1
        self.ledger.forget()
        try:
            await super().perform_seek()
        finally:
            self.ledger.forget()
            self._seeking -= 1

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Forget what is out: the partitions' next owner reads it again."""
        self.ledger.forget()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Begin anew with these partitions."""
        self.ledger.forget()
        await super().on_partitions_assigned(assigned, generation_id)

    def ack(self, message: Message) -> bool:
        """Take a message off Faust's list; says nothing about commits, see :meth:`finish`."""
        if message.acked and message not in self._unacked_messages:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        notify(self._waiting_for_ack)
        return True

    async def force_commit(
        self,
        topics: TPorTopicSet | None = None,
        start_new_transaction: bool = True,  # noqa: ARG002 - Faust's signature; there are no transactions
    ) -> bool:
        """Commit what the ledger allows; returns whether anything was."""
        epoch = self.ledger.epoch
        offsets = {
            TP(*tp): offset
            for tp, offset in self.ledger.committable().items()
            if topics is None or tp in topics or tp[0] in topics
        }
        if not offsets or not await self._commit(offsets):
            return False
        self.ledger.committed(epoch, {(tp.topic, tp.partition): offset for tp, offset in offsets.items()})
        self.app.tables.on_commit(offsets)
        self.app.monitor.on_tp_commit(offsets)
        return True


class BatchTransport(Transport):
    """Faust's aiokafka transport with :class:`BatchConsumer`."""

    Consumer: ClassVar[type[ConsumerT]] = BatchConsumer
