"""The background side: takes events from the queue, encodes them, has them carried, and accounts for what was lost."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event as Flag

from turnlog.producers.clock import Clock
from turnlog.producers.delivery.courier import Courier, Parcel
from turnlog.producers.delivery.intake import Barrier, Intake
from turnlog.producers.delivery.losses import INVALID, TOO_LARGE, Losses, logger
from turnlog.producers.delivery.result import Result
from turnlog.producers.delivery.term import Term
from turnlog.producers.encoding.packing import Packer
from turnlog.producers.event import Event
from turnlog.producers.limits import Limits
from turnlog.producers.sampling import LeftOutError
from turnlog.schemas import EncodeError

_BATCH = 64
_TICK = 0.01
_QUIET_TICKS = 20
_NAP = 1.0
_SHORT_NAP = 0.05

Engage = Callable[[Losses, Term, Flag], Courier]
"""Makes a courier; is given what counts losses, what knows the deadline, and what is set to wake the worker."""


class Worker:
    """Runs in a thread of its own; nothing else may touch the courier.

    Args:
        intake: Where events come from.
        packer: Makes their messages.
        engage: Makes the courier.
        limits: Bounds on size and time.
        clock: Where the time is read.
    """

    def __init__(self, intake: Intake, packer: Packer, engage: Engage, limits: Limits, clock: Clock) -> None:
        self.woken = Flag()
        self._intake = intake
        self._packer = packer
        self._limits = limits
        self._clock = clock
        self._losses = Losses(limits.report_interval, clock)
        self._term = Term(clock)
        self._courier = engage(self._losses, self._term, self.woken)

    def close_by(self, deadline_ns: int, reserve_ns: int) -> None:
        """Say when, on the monotonic clock, all must be over, and how long before that events are given up."""
        self._term.end_by(deadline_ns, reserve_ns)
        self.woken.set()

    def result(self) -> Result:
        """Return the counts so far; for any thread."""
        # Read before what was accepted, so that pending is never too small.
        spooled, sent = self._courier.spooled, self._courier.sent
        return self._losses.result(self._intake.numbers(), sent, spooled)

    def forget(self) -> None:
        """Forget all resources in a forked child: they are the parent's."""
        self._courier.forget()

    def run(self) -> None:
        """Work until a closing barrier is reached."""
        if not self._courier.start():
            return
        quiet, closed = 0, False
        while not closed:
            worked = False
            try:
                worked, closed = self._work()
            except Exception as error:  # noqa: BLE001 - the log of a chatbot must not end here, whatever this is
                self._losses.trouble(f"unexpected {type(error).__name__} in the background thread")
                logger.debug("turnlog: unexpected error", exc_info=True)
            quiet = 0 if worked else quiet + 1
            if not worked and not closed:
                self._rest(deep=quiet > _QUIET_TICKS)
        self._courier.stop()

    def _work(self) -> tuple[bool, bool]:
        """Send a small batch; return whether there may be more to do at once, and whether all is over.

        Small, because polling lets go of the interpreter, so that a chatbot's threads get their turn.
        """
        courier, taken = self._courier, 0
        while taken < _BATCH and (courier.room or self._term.over()) and (item := self._intake.take()) is not None:
            taken += 1
            if isinstance(item, Event):
                self._send(item)
            else:
                self._reach(item)
                if item.closing:
                    return True, True
        more = courier.turn()
        if self._losses.due(self._intake.refused):
            self._report()
        return bool(taken) or more, False

    def _rest(self, *, deep: bool) -> None:
        # While events come, looking at intervals costs callers nothing; a signal for each event would.
        if not deep:
            self._courier.rest(_TICK)
            return
        self.woken.clear()
        self._intake.asleep = True
        if not len(self._intake) or not self._courier.room:
            self.woken.wait(_NAP if self._courier.idle else _SHORT_NAP)
        self._intake.asleep = False

    def _send(self, event: Event) -> None:
        try:
            message = self._packer.pack(event)
        except LeftOutError:
            self._losses.leave_out()
            return
        except Exception as error:  # noqa: BLE001 - a defect here must not cost more than the event, and not uncounted
            self._losses.add(INVALID, str(error) if isinstance(error, EncodeError) else type(error).__name__)
            logger.debug("turnlog: an event can't be encoded", exc_info=True)
            return
        kind = event.kind
        if len(message.value) > self._limits.record_bytes:
            self._losses.add(TOO_LARGE, f"{kind.record} of {len(message.value)} bytes")
            return
        schema = self._packer.template(kind.record).schema
        parcel = (message, event.sequence, kind.priority, schema, False)
        self._courier.send(tuple.__new__(Parcel, parcel))  # in half the time

    def _reach(self, barrier: Barrier) -> None:
        self._courier.flush(barrier.deadline_ns, closing=barrier.closing)
        if barrier.closing:
            self._courier.abandon()
            self._term.use_reserve()
            if self._intake.numbers().next_sequence:
                self._report()
                self._courier.flush(barrier.deadline_ns, closing=True)
        barrier.reached.set()

    def _report(self) -> None:
        """Account for everything so far; the last report of a producer is the one that counts."""
        numbers = self._intake.number()
        report = self._losses.report(numbers, self._clock.wall_us())
        schema = self._packer.template(report.kind.record).schema
        message = self._packer.pack(report)
        self._courier.send(Parcel(message, report.sequence, report.kind.priority, schema, report=True))
        if self._losses.any(numbers):
            self._losses.warn(numbers)
