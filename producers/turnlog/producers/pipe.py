"""A producer's life: made at the first event, remade in a forked child, closed when the process ends."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Mapping
from threading import Event as Flag
from threading import Lock, Thread, get_ident
from typing import Any
from weakref import WeakSet

from turnlog.producers.clock import Clock
from turnlog.producers.delivery.courier import Courier
from turnlog.producers.delivery.direct import DirectCourier
from turnlog.producers.delivery.intake import Barrier, Intake
from turnlog.producers.delivery.losses import Losses
from turnlog.producers.delivery.result import Result
from turnlog.producers.delivery.term import Term
from turnlog.producers.delivery.transport import Connect
from turnlog.producers.delivery.worker import Worker
from turnlog.producers.encoding.packing import Packer, Rules
from turnlog.producers.ids import Ids
from turnlog.producers.kinds import Fields, Kind
from turnlog.producers.limits import Limits
from turnlog.producers.spool import Desk, Legacy, Spool, SpoolingCourier, others


class Pipe:
    """Takes events from any thread and carries them to a transport in a background thread.

    Args:
        fixed: Common fields that are the same in all events.
        connect: Makes the transport.
        limits: Bounds on memory and time.
        clock: Where the time is read.
        ids: Where ids come from.
        rules: What is done with events before they leave the process.
        spool: Where what Kafka does not take is kept; None for nowhere.
    """

    def __init__(
        self,
        fixed: Mapping[str, Any],
        connect: Connect,
        limits: Limits,
        clock: Clock,
        ids: Ids,
        *,
        rules: Rules | None = None,
        spool: Spool | None = None,
    ) -> None:
        self.clock = clock
        self.ids = ids
        self._fixed = fixed
        self._connect = connect
        self._limits = limits
        self._rules = rules
        self._spool = spool
        self._assemble()
        _all.add(self)
        if spool is not None and any(others(spool.path, self.producer_id)):
            self._wake()  # somebody may have left something: it is not to wait for this process's first event

    def _assemble(self) -> None:
        self.producer_id = self.ids.event()
        self._intake = Intake(self._limits, self._wake)
        packer = Packer({**self._fixed, "producer_id": self.producer_id}, self.ids, self._rules)
        self._worker = Worker(self._intake, packer, self._engage, self._limits, self.clock)
        self._thread: Thread | None = None
        self._starting = Lock()
        self._unsettled: set[Callable[[], None]] = set()

    def _engage(self, losses: Losses, term: Term, woken: Flag) -> Courier:
        if self._spool is None:
            return DirectCourier(self._connect, losses, term, woken)
        desk = Desk(
            self._spool,
            self.producer_id,
            self._fixed,
            numbers=self._intake.numbers,
            count_in=self._intake.count_in,
            losses=losses,
            clock=self.clock,
        )
        legacy = Legacy(self._spool, self.producer_id, losses, self.clock, self.ids)
        return SpoolingCourier(
            self._connect, losses, term, woken, desk=desk, legacy=legacy, limits=self._limits, clock=self.clock
        )

    def put(self, kind: Kind, fields: Fields, size: int = 0) -> None:
        """Hand over an event; never blocks or raises. The pipe owns the dict from now on.

        Args:
            kind: What it is.
            fields: What is known of it.
            size: About how many bytes its texts have.
        """
        self._intake.put(kind, fields, self.clock.wall_us(), size)

    def unsettled(self, settle: Callable[[], None]) -> None:
        """Remember an event whose outcome is about to be known; a flush or close settles it as of then."""
        self._unsettled.add(settle)

    def settled(self, settle: Callable[[], None]) -> bool:
        """Forget such an event; whether it was still remembered, so that it is put once."""
        try:
            self._unsettled.remove(settle)
        except KeyError:
            return False
        return True

    def result(self) -> Result:
        """Return the counts so far."""
        return self._worker.result()

    def _settle(self) -> None:
        for settle in tuple(self._unsettled):
            settle()

    def flush(self, timeout: float) -> Result:
        """Wait until all events so far are delivered or given up, at most that many seconds; return the counts.

        What is in the spool is waited for too: the counts say how much of it is left there.
        """
        self._settle()
        barrier = Barrier(self._deadline(timeout))
        if self._intake.numbers().accepted and self._intake.bar(barrier):
            barrier.reached.wait(timeout)
        return self._worker.result()

    def close(self, timeout: float) -> Result:
        """Flush, report and stop, in at most about that many seconds; later events are dropped. May be repeated."""
        self._settle()
        deadline = self._deadline(timeout)
        # A fifth of the time is kept to say in-band what could not be delivered in the rest.
        self._worker.close_by(deadline, min(1_000_000_000, int(timeout * 0.2e9)))
        if self._thread is None and not self._intake.numbers().next_sequence:
            self._intake.shut()  # nothing was ever logged: no reason to connect now
        else:
            self._intake.bar(Barrier(deadline, closing=True))
        thread = self._thread
        if thread is not None:
            thread.join(timeout + 1)
        _running.discard(self)
        return self._worker.result()

    def close_at_exit(self) -> None:
        """Close, because the process ends."""
        self.close(self._limits.exit_timeout)

    def _deadline(self, timeout: float) -> int:
        return self.clock.monotonic_ns() + int(timeout * 1e9)

    def _wake(self) -> None:
        # What a signal or a finaliser logs may come in the middle of these lines: no lock may be waited for here.
        if self._thread is not None:
            if self._thread.ident != get_ident():
                self._worker.woken.set()
            return
        if not self._starting.acquire(blocking=False):
            return  # it is being started, and looks at the queue first
        try:
            if self._thread is None:
                thread = Thread(target=self._worker.run, name="turnlog", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # no more threads, or the interpreter is ending: the next event tries again
                    return
                self._thread = thread
                _running.add(self)
                _close_with_multiprocessing()
        finally:
            self._starting.release()

    def after_fork(self) -> None:
        """Start a new life in a forked child; what was queued is the parent's to send."""
        self._worker.forget()
        self.ids.reseed()
        self._assemble()


_all: WeakSet[Pipe] = WeakSet()
_running: set[Pipe] = set()


def _close_all() -> None:
    for pipe in tuple(_running):
        pipe.close_at_exit()


def _renew_all() -> None:
    _running.clear()
    for pipe in tuple(_all):
        pipe.after_fork()


def _close_with_multiprocessing() -> None:
    """See to it that a multiprocessing child flushes: it ends without running atexit's functions."""
    process = sys.modules.get("multiprocessing.process")
    util = sys.modules.get("multiprocessing.util")
    if process is not None and util is not None and process.parent_process() is not None:
        util.Finalize(None, _close_all, exitpriority=0)


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
