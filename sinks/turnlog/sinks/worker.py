"""The worker: Kafka's partitions to ClickHouse's tables, one loop around the lanes."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from turnlog.schemas import SchemaStore, TransientError
from turnlog.schemas.errors import UnknownSchemaError
from turnlog.sinks.batch import Item, Limits
from turnlog.sinks.intake import Intake
from turnlog.sinks.kafka import committed
from turnlog.sinks.lane import Lane, Phase
from turnlog.sinks.loader import Loaded, Loader
from turnlog.sinks.log import Changes
from turnlog.sinks.routes import Route
from turnlog.sinks.schema_topic import SchemaTopic
from turnlog.sinks.seal import Position

_POLL_MESSAGES = 5000
_POLL_SECONDS = 0.05
_COMMIT_PATIENCE = 0.5
_LEAVE_SECONDS = 8.0
_MAX_BACKOFF = 5.0

Place = tuple[str, int]


class Worker:
    """Loads the partitions that its group gives it.

    Args:
        consumer: In the group, subscribed to nothing yet.
        routes: Full topic name → route.
        loader: Stores batches.
        store: Writer schemas.
        schemas: Where unknown ones are looked up.
        log: A structlog logger.
        limits: How large batches may be.
        linger: Seconds that a message waits for others.
        buffer_size: Bytes read but not stored, above which reading pauses.
        threads: Inserts at once.
        ready_file: Touched at the first assignment.
        clock: Monotonic, in seconds.
        jitter: Returns a number from 0 to 1.
    """

    def __init__(
        self,
        consumer: Consumer,
        routes: Mapping[str, Route],
        loader: Loader,
        *,
        store: SchemaStore,
        schemas: SchemaTopic,
        log: Any,
        limits: Limits,
        linger: float,
        buffer_size: int,
        threads: int,
        ready_file: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._consumer: Any = consumer
        self._routes = routes
        self._loader = loader
        self._store = store
        self._schemas = schemas
        self._log = log
        self._changes = Changes(log)
        self._limits = limits
        self._linger = linger
        self._buffer_size = buffer_size
        self._ready_file = ready_file
        self._clock = clock
        self._jitter = jitter
        self._lanes: dict[Place, Lane] = {}
        self._intakes: dict[Place, Intake] = {}
        self._jobs: dict[Place, Future[Loaded]] = {}
        self._awaited: dict[Place, int] = {}
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="insert")
        self._threads = threads

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop; then let running inserts end, commit, and leave the group.

        Raises:
            TransientError: The group can't go on with this worker; start it anew.
        """
        self._consumer.subscribe(
            list(self._routes), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )
        try:
            while not stop.is_set():
                self._step()
        finally:
            self._settle(list(self._lanes))
            self._consumer.close()
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _step(self) -> None:
        for message in self._consumer.consume(_POLL_MESSAGES, _POLL_SECONDS):
            self._take(message)
        self._reap()
        now = self._clock()
        self._cut(now)
        self._commit(now, _COMMIT_PATIENCE)
        self._dispatch(now)
        self._balance()

    # Reading

    def _take(self, message: Any) -> None:
        place = (message.topic(), message.partition())
        lane = self._lanes.get(place)
        error = message.error()
        if error is not None:
            self._complaint(error, lane, message)
            return
        if lane is None:
            return  # of a partition that has just gone
        awaited = self._awaited.get(place)
        if awaited is not None:
            if message.offset() != awaited:
                return
            del self._awaited[place]
        item = self._item(place, message)
        if item is None:
            return
        gone = lane.offer(item, self._clock())
        if gone and not lane.route.holes:
            self._log.warning("messages are gone", topic=place[0], partition=place[1], before=item.offset, count=gone)

    def _item(self, place: Place, message: Any) -> Item | None:
        intake = self._intakes[place]
        try:
            return intake.item(message)
        except UnknownSchemaError:
            pass
        except TransientError as error:  # a registry
            self._read_again(place, message, str(error))
            return None
        try:
            self._schemas.learn((message.value() or b"")[:10])
            item = intake.item(message)
        except UnknownSchemaError as error:
            self._changes.works("schemas")
            return intake.unreadable(message, error)
        except TransientError as error:
            self._read_again(place, message, str(error))
            return None
        self._changes.works("schemas")
        return item

    def _read_again(self, place: Place, message: Any, why: str) -> None:
        self._changes.failed("schemas", why)
        self._awaited[place] = message.offset()
        self._consumer.seek(TopicPartition(*place, message.offset()))

    def _complaint(self, error: KafkaError, lane: Lane | None, message: Any) -> None:
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name, in spite of the bar
            # A message that is to be read again stands before the end, whatever was read behind it.
            if lane is not None and (message.topic(), message.partition()) not in self._awaited:
                lane.reached_end(message.offset(), self._clock())
        elif error.fatal():
            raise TransientError(f"the group goes on without this worker: {error.str()}")
        else:
            self._log.warning("Kafka complains", what=error.str())

    # Storing

    def _cut(self, now: float) -> None:
        """Cut batches, no more than can be stored at once: what has to wait anyway had better grow meanwhile."""
        free = self._threads - sum(
            lane.phase is not Phase.GATHERING and now >= lane.retry_at for lane in self._lanes.values()
        )
        for lane in sorted((lane for lane in self._lanes.values() if lane.is_due(now)), key=lambda lane: lane.since):
            if free <= 0:
                return
            lane.cut()
            assert lane.batch is not None
            if lane.batch.items or lane.batch.letters:
                free -= 1
            else:
                lane.stored(now)

    def _reap(self) -> None:
        for place, job in list(self._jobs.items()):
            if job.done():
                del self._jobs[place]
                lane = self._lanes.get(place)
                if lane is not None:
                    self._finished(lane, job)

    def _finished(self, lane: Lane, job: Future[Loaded]) -> None:
        now = self._clock()
        try:
            loaded = job.result()
        except TransientError as error:
            lane.phase = Phase.SEALED
            lane.failures += 1
            lane.retry_at = now + min(_MAX_BACKOFF, 0.1 * 2 ** min(lane.failures, 10)) * (0.5 + self._jitter() / 2)
            self._changes.failed(lane.route.table, str(error))
            return
        self._changes.works(lane.route.table)
        if loaded.letters:
            self._log.warning("dead letters", topic=lane.topic, partition=lane.partition, count=loaded.letters)
        lane.stored(now)

    def _dispatch(self, now: float) -> None:
        waiting = [
            lane
            for lane in self._lanes.values()
            if lane.phase is Phase.SEALED and (not lane.failures or now >= lane.retry_at)
        ]
        # Lanes that fail stand behind those that may not.
        waiting.sort(key=lambda lane: lane.failures)
        for lane in waiting[: max(0, self._threads - len(self._jobs))]:
            assert lane.batch is not None
            lane.phase = Phase.STORING
            self._jobs[lane.topic, lane.partition] = self._pool.submit(self._loader.load, lane.batch, lane.route)

    # Committing

    def _commit(self, now: float, patience: float) -> None:
        offsets = []
        for lane in self._lanes.values():
            if lane.phase is Phase.CUT:
                offsets.append(_offset(lane, lane.sealed()))
            elif lane.owes_commit(now, patience):
                offsets.append(_offset(lane, lane.position()))
        if not offsets:
            return
        try:
            answers = self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            cause = error.args[0]
            if cause.fatal():
                raise TransientError(f"the group goes on without this worker: {cause.str()}") from error
            self._changes.failed("commits", cause.str())
            return
        for answer in answers:
            lane = self._lanes[answer.topic, answer.partition]
            if answer.error is not None:
                self._changes.failed("commits", answer.error.str())
                continue
            self._changes.works("commits")
            lane.committed()
            if lane.phase is Phase.CUT:
                lane.phase = Phase.SEALED

    # The group

    def _assigned(self, _: Any, places: list[TopicPartition]) -> None:
        starts = []
        for found in committed(self._consumer, places):
            offset = None if found.offset < 0 else found.offset
            position = Position.parse(found.metadata) if offset is not None else Position()
            route = self._routes[found.topic]
            place = (found.topic, found.partition)
            self._lanes[place] = Lane(route, *place, position, offset, limits=self._limits, linger=self._linger)
            self._intakes[place] = Intake(route, *place, self._store)
            starts.append(TopicPartition(*place, -2 if offset is None else offset))  # -2: the beginning
        self._consumer.incremental_assign(starts)
        self._log.info("assigned", partitions=len(starts), held=len(self._lanes))
        if self._ready_file is not None:
            self._ready_file.touch()

    def _revoked(self, _: Any, places: list[TopicPartition]) -> None:
        self._settle([(place.topic, place.partition) for place in places])
        self._log.info("revoked", partitions=len(places), held=len(self._lanes))

    def _lost(self, _: Any, places: list[TopicPartition]) -> None:
        for place in places:
            self._forget((place.topic, place.partition))
        self._log.warning("lost", partitions=len(places), held=len(self._lanes))

    def _settle(self, places: Iterable[Place]) -> None:
        """Let inserts end and commit what is stored. What takes longer, the next owner does again, to no effect."""
        leaving = list(places)
        wait([self._jobs[place] for place in leaving if place in self._jobs], timeout=_LEAVE_SECONDS)
        self._reap()
        lanes = [self._lanes[place] for place in leaving if place in self._lanes]
        offsets = [_offset(lane, lane.position()) for lane in lanes if lane.owes_commit(self._clock(), 0)]
        if offsets:
            try:
                self._consumer.commit(offsets=offsets, asynchronous=False)
            except KafkaException as error:
                self._log.warning("leaving without a commit", why=error.args[0].str())
        for place in leaving:
            self._forget(place)

    def _forget(self, place: Place) -> None:
        self._lanes.pop(place, None)
        self._intakes.pop(place, None)
        self._awaited.pop(place, None)
        self._jobs.pop(place, None)

    # Memory

    def _balance(self) -> None:
        total = sum(lane.size + (lane.batch.size if lane.batch else 0) for lane in self._lanes.values())
        pause = [
            lane
            for lane in self._lanes.values()
            if not lane.paused and (lane.is_full() or (total > self._buffer_size and lane.rows))
        ]
        resume = [lane for lane in self._lanes.values() if lane.paused and lane.is_low() and total < self._buffer_size]
        for lanes, act, paused in ((pause, self._consumer.pause, True), (resume, self._consumer.resume, False)):
            if lanes:
                act([TopicPartition(lane.topic, lane.partition) for lane in lanes])
                for lane in lanes:
                    lane.paused = paused


def _offset(lane: Lane, position: Position) -> TopicPartition:
    offset = lane.first
    assert offset is not None
    return TopicPartition(lane.topic, lane.partition, offset, position.to_metadata())
