"""The rights worker: answers requests in the topic's order, and sweeps for what arrives late.

A request's offset is committed in the transaction that records its receipt. So a worker that is killed anywhere begins
its request anew, which changes nothing that was done, and every request gets one receipt.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from turnlog.schemas import Datum, Decoder, KafkaConnection, PoisonError, SchemaStore, TransientError
from turnlog.schemas.errors import UnknownSchemaError
from turnlog.sinks.audit import PIPELINE, Act, Commit, OffsetsRefusedError, append, read_topic
from turnlog.sinks.log import Changes
from turnlog.sinks.rights.carry import Carrier
from turnlog.sinks.rights.receipt import REQUEST, late_receipt, receipt, refusal, told
from turnlog.sinks.rights.request import Kind, RefusedRequestError, Request
from turnlog.sinks.schema_topic import SchemaTopic

_POLL_SECONDS = 0.5
_MAX_BACKOFF = 5.0
_SLACK = 3
"""Seconds to look back further: files' times are whole seconds, and replicas' clocks differ a little."""
_PATIENCE_SECONDS = 1800.0
"""As long as the group waits for a worker that does not ask for requests (``max_poll_interval_ms``)."""
_FULL_SECONDS = 3600.0
"""How often everything is looked through, and not only what is newly written."""


class RightsWorker:
    """Answers the requests of one topic.

    Args:
        connection: How to reach Kafka.
        consumer: In the group, subscribed to nothing yet.
        carrier: Carries requests out.
        log: A structlog logger.
        sweep_seconds: How often it is looked for what has arrived late.
        ready_file: Touched when requests can be read.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        consumer: Consumer,
        carrier: Carrier,
        *,
        log: Any,
        sweep_seconds: float,
        ready_file: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connection = connection
        self._consumer: Any = consumer
        self._carrier = carrier
        self._log = log
        self._changes = Changes(log)
        self._sweep_seconds = sweep_seconds
        self._ready_file = ready_file
        self._clock = clock
        self._told: dict[tuple[str, str], Counter[str]] | None = None
        self._unsettled = True
        self._late: deque[Act] = deque()
        self._store = SchemaStore()
        self._decoder = Decoder("PrivacyRequest", self._store)
        self._schemas = SchemaTopic(connection, self._store, time.monotonic)
        self._swept: int | None = None
        self._next_sweep = self._next_full = 0.0
        self._assigned = False

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop.

        Raises:
            TransientError: The group can't go on with this worker; start it anew.
        """
        self._consumer.subscribe(
            [f"{self._connection.prefix}privacy"], on_assign=self._take, on_revoke=self._leave, on_lost=self._leave
        )
        try:
            while not stop.is_set():
                message = self._consumer.poll(_POLL_SECONDS)
                if message is not None:
                    self._answer(message, stop)
                elif self._assigned and self._clock() >= self._next_sweep:
                    self._patiently("sweep", self._sweep, stop)
        finally:
            self._consumer.close()

    def _take(self, _consumer: Any, places: list[TopicPartition]) -> None:
        # Who has the requests does the sweeping; the first of it looks through everything.
        self._assigned = bool(places)
        self._swept = self._told = None
        self._unsettled = True
        self._log.info("assigned", partitions=len(places))
        if self._ready_file is not None:
            self._ready_file.touch()

    def _leave(self, _consumer: Any, _places: list[TopicPartition]) -> None:
        self._assigned = False

    def _answer(self, message: Any, stop: threading.Event) -> None:
        error = message.error()
        if error is not None:
            if error.fatal():
                raise TransientError(f"the group goes on without this worker: {error.str()}")
            self._log.warning("Kafka complains", what=error.str())
            return
        made: list[Act] = []  # an act is made once, so that it is recorded once

        def handle() -> None:
            if not made:
                made.append(self._act_of(message))
            offset = TopicPartition(message.topic(), message.partition(), message.offset() + 1)
            event = append(self._connection, made[0], Commit([offset], self._consumer.consumer_group_metadata()))
            self._note(event)
            self._log.info("answered", action=made[0].action, outcome=made[0].outcome, rows=made[0].rows)

        try:
            self._patiently("requests", handle, stop)
        except OffsetsRefusedError as error:
            # Another worker has the requests now, and answers this one: what was done here, it finds done.
            self._assigned = False
            self._log.warning("left to another worker", why=str(error))

    def _act_of(self, message: Any) -> Act:
        taken_us = message.timestamp()[1] * 1000
        place = f"{message.topic()}:{message.partition()}:{message.offset()}"
        value = message.value() or b""
        tenant, number = PIPELINE, ""
        try:
            datum = self._decode(value)
            tenant, number = datum["tenant_id"], datum["privacy_request_id"]
            request = Request.of(datum, taken_us)
        except RefusedRequestError as error:
            return refusal(tenant, number, str(error), place, self._now_us())
        except PoisonError as error:
            return refusal(tenant, number, f"it can't be read: {type(error).__name__}", place, self._now_us())
        self._log.info("request", kind=request.kind, request=request.id)
        return receipt(request, self._carrier.carry_out(request), self._now_us())

    def _decode(self, value: bytes) -> dict[str, Any]:
        try:
            return self._decoder.decode(value)
        except UnknownSchemaError:
            self._schemas.learn(value[:10])
            return self._decoder.decode(value)

    def _sweep(self) -> None:
        began = self._carrier.now() - _SLACK
        if self._clock() >= self._next_full:
            self._swept = None
            self._next_full = self._clock() + _FULL_SECONDS
        # Unsettled until it is told, whatever ends this sweep before.
        unsettled, self._unsettled = self._unsettled, True
        for request, rows in self._carrier.sweep(self._swept):
            unsettled = True
            if request.kind is Kind.RESTRICT:
                self._late.append(late_receipt(request, rows, 0, self._now_us()))
        if unsettled:
            self._settle()
        self._unsettled = False
        self._swept = began
        self._next_sweep = self._clock() + self._sweep_seconds

    def _settle(self) -> None:
        """Give receipts for all that was erased and is in none: also by a worker that died before it could give one."""
        self._tell()
        if self._told is None:
            self._told = told(read_topic(self._connection))
        for (tenant, number), rows in self._carrier.erased().items():
            known = self._told.get((tenant, number))
            if known is None:
                continue  # its request is not answered yet, and its receipt will tell of them
            more = {table: count - known[table] for table, count in rows.items() if count > known[table]}
            if more:
                request = self._carrier.erasure(tenant, number)
                self._late.append(late_receipt(request, more, sum(rows.values()), self._now_us()))
        self._tell()

    def _tell(self) -> None:
        while self._late:
            self._note(append(self._connection, self._late[0]))
            done = self._late.popleft()
            self._log.info("swept", request=done.attributes[REQUEST], rows=done.rows)

    def _note(self, event: Datum) -> None:
        """Remember what a receipt has told of."""
        if self._told is not None:
            for key, rows in told([event]).items():
                self._told.setdefault(key, Counter()).update(rows)

    def _patiently(self, what: str, act: Callable[[], None], stop: threading.Event) -> None:
        """Do something until it works, or until told to stop.

        Raises:
            TransientError: It has not worked for so long that the group has given this worker up.
        """
        pause, began = 0.2, self._clock()
        while not stop.is_set():
            if self._clock() - began > _PATIENCE_SECONDS:
                raise TransientError(f"{what}: nothing works for {_PATIENCE_SECONDS:.0f} s; beginning anew")
            try:
                act()
            except OffsetsRefusedError:
                raise
            except (TransientError, KafkaException) as error:
                self._changes.failed(what, str(error))
            else:
                self._changes.works(what)
                return
            stop.wait(pause)
            pause = min(_MAX_BACKOFF, pause * 2)

    def _now_us(self) -> int:
        return int(self._clock() * 1_000_000)
