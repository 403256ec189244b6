"""The background side: takes events from the queue, encodes and sends them, and accounts for what it could not send."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event as Flag
from typing import Any

from turnlog.producers.clock import Clock
from turnlog.producers.intake import Barrier, Intake
from turnlog.producers.limits import Limits
from turnlog.producers.losses import INVALID, TOO_LARGE, UNDELIVERED, Losses, logger
from turnlog.producers.packing import Event, Packer, schema_message
from turnlog.producers.result import Result
from turnlog.producers.sampling import LeftOutError
from turnlog.producers.transport import Connect, Message, Transport
from turnlog.schemas import EncodeError, Schema, TurnlogError

_BATCH = 64
_TICK = 0.01
_QUIET_TICKS = 20
_NAP = 1.0


class Worker:
    """Runs in a thread of its own; nothing else may touch the transport.

    Args:
        intake: Where events come from.
        packer: Makes their messages.
        connect: Makes the transport, in the worker's thread.
        limits: Bounds on size and time.
        clock: Where the time is read.
    """

    def __init__(self, intake: Intake, packer: Packer, connect: Connect, limits: Limits, clock: Clock) -> None:
        self.woken = Flag()
        self.transport: Transport | None = None
        self._intake = intake
        self._packer = packer
        self._connect = connect
        self._limits = limits
        self._clock = clock
        self._losses = Losses(limits.report_interval, clock)
        self._published: set[bytes] = set()
        self._sent = 0
        self._give_up_at: int | None = None
        self._end: int | None = None

    def close_by(self, deadline_ns: int, reserve_ns: int) -> None:
        """Say when, on the monotonic clock, all must be over, and how long before that events are given up."""
        self._end = deadline_ns
        self._give_up_at = deadline_ns - reserve_ns
        self.woken.set()

    def result(self) -> Result:
        """Return the counts so far; for any thread."""
        sent = self._sent  # read before what was accepted, so that pending is never too small
        return self._losses.result(self._intake.numbers(), sent)

    def run(self) -> None:
        """Work until a closing barrier is reached."""
        transport = self._connected()
        if transport is None:
            return
        self.transport = transport
        quiet, closed = 0, False
        while not closed:
            worked = 0
            try:
                worked, closed = self._work(transport)
            except Exception as error:  # noqa: BLE001 - the log of a chatbot must not end here, whatever this is
                self._losses.trouble(f"unexpected {type(error).__name__} in the background thread")
                logger.debug("turnlog: unexpected error", exc_info=True)
            quiet = 0 if worked else quiet + 1
            if not worked and not closed:
                self._rest(transport, deep=quiet > _QUIET_TICKS)
        transport.close()

    def _connected(self) -> Transport | None:
        while not self._late():
            try:
                return self._connect(self._losses.trouble)
            except TurnlogError as error:
                self._losses.trouble(str(error))
                self.woken.wait(_NAP)
        return None

    def _work(self, transport: Transport) -> tuple[int, bool]:
        """Send a small batch; return how many items were taken, and whether the last one closes.

        Small, because polling lets go of the interpreter, so that a chatbot's threads get their turn.
        """
        taken = 0
        while taken < _BATCH and (item := self._intake.take()) is not None:
            taken += 1
            if isinstance(item, Event):
                self._send(transport, item)
            else:
                self._reach(transport, item)
                if item.closing:
                    return taken, True
        transport.poll(0)
        if self._losses.due(self._intake.refused):
            self._report(transport)
        return taken, False

    def _rest(self, transport: Transport, *, deep: bool) -> None:
        # While events come, looking at intervals costs callers nothing; a signal for each event would.
        if not deep:
            transport.poll(_TICK)
            return
        self.woken.clear()
        self._intake.asleep = True
        if not len(self._intake):
            self.woken.wait(_NAP)
        self._intake.asleep = False

    def _send(self, transport: Transport, event: Event) -> None:
        try:
            message = self._packer.pack(event)
        except LeftOutError:
            self._losses.leave_out()
            return
        except Exception as error:  # noqa: BLE001 - a defect here must not cost more than the event, and not uncounted
            self._losses.add(INVALID, str(error) if isinstance(error, EncodeError) else type(error).__name__)
            logger.debug("turnlog: an event can't be encoded", exc_info=True)
            return
        if len(message.value) > self._limits.record_bytes:
            self._losses.add(TOO_LARGE, f"{event.kind.record} of {len(message.value)} bytes")
            return
        if not (self._publish(transport, event) and self._hand_over(transport, message, self._delivered)):
            self._losses.add(UNDELIVERED, "closed before Kafka took it")

    def _publish(self, transport: Transport, event: Event) -> bool:
        """Make an event's schema known before its first use: wait until Kafka has it; False if time is over first."""
        schema = self._packer.template(event.kind.record).schema
        if schema.fingerprint in self._published:
            return True
        while not self._late():
            error = self._published_now(transport, schema)
            if error is None:
                self._published.add(schema.fingerprint)
                return True
            self._losses.trouble(f"the schema of {schema.name} can't be published: {error}")
        return False

    def _published_now(self, transport: Transport, schema: Schema) -> Any:
        outcome: list[Any] = []
        if not self._hand_over(transport, schema_message(schema), lambda error, _: outcome.append(error)):
            return "time is over"
        while not outcome:
            if self._late():
                return "time is over"
            transport.flush(_TICK)
        if outcome[0] is not None:
            self.woken.wait(_TICK * 10)
        return outcome[0]

    def _hand_over(self, transport: Transport, message: Message, delivered: Callable[[Any, Any], None]) -> bool:
        """Give the transport a message, waiting for room; False if time is over before there is any."""
        if self._late():
            return False
        try:
            while not transport.send(message, delivered):
                if self._late():
                    return False
                transport.poll(_TICK)
        except TurnlogError as error:
            delivered(error, None)
        return True

    def _late(self) -> bool:
        return self._give_up_at is not None and self._clock.monotonic_ns() >= self._give_up_at

    def _reach(self, transport: Transport, barrier: Barrier) -> None:
        self._flush(transport, barrier.deadline_ns)
        if barrier.closing:
            transport.abandon()
            self._give_up_at = self._end
            if self._intake.numbers().next_sequence:
                self._report(transport)
                self._flush(transport, barrier.deadline_ns)
        barrier.reached.set()

    def _flush(self, transport: Transport, deadline_ns: int) -> None:
        while transport.flush(_TICK * 5):
            if self._late() or self._clock.monotonic_ns() >= deadline_ns:
                return

    def _report(self, transport: Transport) -> None:
        """Account for everything so far; the last report of a producer is the one that counts."""
        numbers = self._intake.number()
        report = self._losses.report(numbers, self._clock.wall_us())
        if self._publish(transport, report):
            self._hand_over(transport, self._packer.pack(report), _unwatched)
        if self._losses.any(numbers):
            self._losses.warn(numbers)

    def _delivered(self, error: Any, _: Any) -> None:
        if error is None:
            self._sent += 1
        else:
            self._losses.add(UNDELIVERED, str(error))


def _unwatched(error: Any, message: Any) -> None:
    """A report's own fate: a later one says the same and more, and after the last there is nobody to tell."""
