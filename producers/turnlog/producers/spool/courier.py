"""The courier with a spool: what Kafka does not acknowledge promptly is on disk until it does.

While Kafka answers, parcels go straight to the Kafka client, and only what stays unacknowledged for longer than
``_LATE_NS`` is written down, as handed over. When an acknowledgement is missing for longer than ``_STUCK_NS`` the
courier holds: it hands nothing more over and writes new parcels down as waiting. Once acknowledgements come again it
reads them back in order and hands them over, a window at a time, while newer ones queue up behind; when it has caught
up it goes straight again. What dead producers have left goes first. So order holds, in memory and on disk.

Nothing that was handed over is handed over twice while the Kafka client keeps trying, which it does for ever. What it
gives up nonetheless, or a dead process had handed over, is sent again with a mark, by which the processors see to it
that it counts once.
"""

from __future__ import annotations

from collections import deque
from threading import Event as Flag
from typing import Any

from turnlog.producers.clock import Clock
from turnlog.producers.delivery.courier import Parcel
from turnlog.producers.delivery.direct import connected
from turnlog.producers.delivery.losses import UNDELIVERED, Losses, logger
from turnlog.producers.delivery.term import Term
from turnlog.producers.delivery.transport import Connect, Message, Transport, refused
from turnlog.producers.kinds import Priority
from turnlog.producers.limits import Limits
from turnlog.producers.spool.backlog import Segment
from turnlog.producers.spool.desk import Desk
from turnlog.producers.spool.estate import Estate
from turnlog.producers.spool.handed import Cargo, Handed, Outstanding, first_undone, marked
from turnlog.producers.spool.legacy import Legacy
from turnlog.producers.spool.outcomes import Outcomes
from turnlog.producers.spool.publisher import Definition, Publisher
from turnlog.producers.spool.shelf import Shelf, write_handed
from turnlog.schemas import TurnlogError

_TICK = 0.01
_MS = 1_000_000
_STUCK_NS = 500 * _MS
_LATE_NS = 25 * _MS
"""On top of the time that the Kafka client waits for a batch to fill. Events that were accepted 100 ms before the
process is killed have then been acknowledged or written, with 10 ms in the queue and as much until somebody looks."""

_AGAIN_NS = 1000 * _MS
_AWAY_NS = 2000 * _MS
_GRACE_NS = 1000 * _MS
_CHORES_NS = 1000 * _MS
_NOTE_NS = 200 * _MS
_NOTE_OFTEN_NS = 20 * _MS
_WINDOW = 4000
_WINDOW_BYTES = 16 * 1024 * 1024


class SpoolingCourier:
    """Hands parcels to the transport, and keeps them on disk while that does not get rid of them.

    Args:
        connect: Makes the transport.
        losses: Counts what is not delivered.
        term: When time is over.
        woken: Set when somebody wants to be heard.
        desk: This producer's own writing.
        legacy: Takes over what dead producers have left.
        limits: Bounds on memory and time.
        clock: Where the time is read.
    """

    def __init__(
        self,
        connect: Connect,
        losses: Losses,
        term: Term,
        woken: Flag,
        *,
        desk: Desk,
        legacy: Legacy,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self._connect = connect
        self._losses = losses
        self._term = term
        self._woken = woken
        self._desk = desk
        self._legacy = legacy
        self._clock = clock
        self._late_ns = int(limits.linger * 1e9) + _LATE_NS
        self._most_bytes = limits.queue_bytes
        self._transport: Transport | None = None
        self._publisher = Publisher(losses)
        self._out = Outstanding()
        self._again: deque[Handed] = deque()
        self._failed = False
        self._ending = False
        self._left: int | None = None
        self._shelf = Shelf(desk)
        self._outcomes = Outcomes(losses, desk)
        self._holding = False
        self._stuck = False
        self._answered_at = 0
        self._again_at = 0
        self._note_at = self._noted = 0
        self._chores_at = 0

    def start(self) -> bool:
        """Connect; take over what dead producers have left."""
        self._transport = connected(self._connect, self._losses, self._term, self._woken)
        self._answered_at = self._clock.monotonic_ns()
        try:
            self._desk.open(self._outcomes.lost)
            self._chores()
        except Exception as error:  # noqa: BLE001 - without a spool is better than without a log
            self._losses.spool_trouble(f"unexpected {type(error).__name__}")
            logger.debug("turnlog: unexpected error", exc_info=True)
        return self._transport is not None

    # What the worker asks for

    @property
    def sent(self) -> int:
        """Events that Kafka has acknowledged."""
        return self._outcomes.sent

    @property
    def spooled(self) -> int:
        """Events that are on disk and that Kafka is not known to have."""
        return self._outcomes.spooled

    @property
    def room(self) -> bool:
        """Whether there is memory left for parcels that neither Kafka nor the disk takes."""
        return self._shelf.size < self._most_bytes

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not (self._out or self._again or self._shelf or self._desk.waiting or self._legacy.estates)

    def send(self, parcel: Parcel) -> None:
        """Hand a parcel over, or have it written down; never blocks for longer than a moment."""
        message, sequence, priority, schema, report = parcel
        self._desk.know(schema)
        cargo = Cargo(message, sequence, priority, report)
        if (
            not self._holding
            and self._publisher.soon_ready(schema.fingerprint, self._desk.schema, self._now)
            and self._hand(cargo, self._clock.wall_us() // 1000)
        ):
            return
        self._holding = True
        if self._desk.full and priority >= Priority.HIGH and self._shelf.write_at_once([cargo]):
            self._outcomes.spooled += not report
            return
        self._shelf.put(cargo)

    def turn(self) -> bool:
        """Take delivery reports, write down what is late, hand over what waits."""
        self._now.poll(0)
        now = self._clock.monotonic_ns()
        since = self._out.prune()
        self._stuck = since is not None and now - since > _STUCK_NS
        self._holding |= self._stuck
        if self._failed and now >= self._again_at:
            self._start_again(now)
        if since is not None and now - since > self._late_ns:
            self._write_late(now)
        if self._shelf and self._desk.may_work:
            self._write_pending()
        more = (self._holding or bool(self._legacy.estates)) and self._drain()
        if now >= self._chores_at:
            self._chores()
        self._note()
        return more

    def rest(self, seconds: float) -> None:
        """Take delivery reports."""
        self._now.poll(seconds)

    def flush(self, deadline_ns: int, *, closing: bool) -> None:
        """Wait for deliveries."""
        began = self._clock.monotonic_ns()
        while True:
            self.turn()
            if self.idle or self._term.over() or self._term.after(deadline_ns):
                return
            if closing and self._useless() and self._term.after(began + _GRACE_NS):
                return
            self._now.flush(_TICK)

    def abandon(self) -> None:
        """Leave on disk what is undelivered; count what can't be left there."""
        self._ending = self._publisher.quiet = True
        self._write_all()
        self._now.abandon()
        self._give_up_rest()
        self._holding = self._desk.unfinished
        self._legacy.release()
        self._ending = self._failed = False

    def stop(self) -> None:
        """Leave the rest on disk, for the next process, and disconnect."""
        self._ending = True
        self._write_all()
        self._give_up_rest()
        self._now.close()
        self._note(closed=self._outcomes.reported)
        self._desk.close()

    def forget(self) -> None:
        """Forget the connection and the folders: they are the parent's."""
        if self._transport is not None:
            self._transport.forget()
        self._desk.forget()
        self._legacy.forget()

    # Handing over

    @property
    def _now(self) -> Transport:
        assert self._transport is not None, "not started"
        return self._transport

    def _hand(
        self, cargo: Cargo, wall_ms: int, index: int = -1, segment: Segment | None = None, *, mark: bool = False
    ) -> bool:
        """Hand a cargo over; False if there is no room. What can't be sent at all is settled at once."""
        handed = Handed(cargo, self._clock.monotonic_ns(), wall_ms, self._settle, index=index, segment=segment)
        try:
            if not self._now.send(marked(cargo.message, wall_ms) if mark else cargo.message, handed):
                return False
        except TurnlogError as error:
            handed(error, None)
        self._out.add(handed)
        return True

    def _settle(self, handed: Handed, error: Any) -> None:
        """Note what became of a cargo."""
        if handed.done or handed.failed:
            return
        if error is not None and not refused(error):
            handed.failed = True
            self._failed = not self._ending
            return
        handed.done = True
        if handed.segment is not None:
            handed.segment.left -= 1
        if error is None:
            self._answered_at = self._clock.monotonic_ns()
        if handed.cargo.estate is None:
            self._outcomes.settled(handed, error)
        elif error is not None:
            handed.cargo.estate.lost(UNDELIVERED, str(error))
        elif handed.cargo.report:
            handed.cargo.estate.reported = True

    def _write_all(self) -> None:
        self._write_late(None)
        self._write_pending()

    def _give_up_rest(self) -> None:
        """Count what neither Kafka nor the disk has taken, and listen no more to the rest's fate: it is on disk."""
        for handed in (*self._again, *self._out):
            if handed.done:
                continue
            if handed.segment is None:
                self._outcomes.given_up(handed.cargo)
            elif handed.cargo.estate is None:
                self._left = handed.index if self._left is None else min(self._left, handed.index)
            handed.failed = True
        self._out.clear()
        self._again.clear()
        while self._shelf:
            self._outcomes.given_up(self._shelf.take())

    def _start_again(self, now: int) -> None:
        """Replace a Kafka client that has given something up, and hand over again what it had, in order and marked."""
        self._again_at = now + _AGAIN_NS
        self._holding = True
        logger.debug("turnlog: the Kafka client gave messages up, connecting anew")
        self._ending = self._publisher.quiet = True  # what it now fails is in hand already
        self._now.abandon()
        self._ending = self._publisher.quiet = self._failed = False
        for handed in self._out:
            if not handed.done:
                handed.failed = True
                self._again.append(handed)
        self._out.clear()
        transport = connected(self._connect, self._losses, self._term, self._woken)
        if transport is not None:
            self._now.close()
            self._transport = transport
            self._publisher.forget_asked()

    def _drain(self) -> bool:
        """Hand over what waits, the oldest first; goes straight again when nothing does. Whether more is to be done."""
        if self._stuck or self._failed:
            return False
        if not self._drain_again() or (room := self._window()) <= 0:
            return False
        more = self._drain_estates(room)
        if more is not None:
            return more
        if self._desk.waiting:
            return self._desk.drain(room, self._hand, self._ready)
        if self._shelf and not self._desk.works:
            self._drain_shelf(room)
        self._holding = bool(self._shelf)
        return False

    def _drain_again(self) -> bool:
        """Hand over what a former Kafka client has given up; whether that is all of it."""
        while self._again and self._window() > 0:
            handed = self._again[0]
            if not self._hand(handed.cargo, handed.wall_ms, handed.index, handed.segment, mark=True):
                return False
            self._again.popleft()
        return not self._again

    def _drain_estates(self, room: int) -> bool | None:
        """Hand over what dead producers have left; whether more may follow at once, None if there are no records."""
        for estate in self._legacy.estates:
            try:
                if estate.backlog.unread:
                    return self._legacy.drain(estate, room, self._hand, self._ready)
                self._conclude(estate)
            except Exception as error:  # noqa: BLE001 - a dead process must not hold up a living one, whatever it left
                self._legacy.set_aside(estate, error)
        return None

    def _window(self) -> int:
        return 0 if self._out.size > _WINDOW_BYTES else _WINDOW - len(self._out)

    def _conclude(self, estate: Estate) -> None:
        """Report on a dead producer's behalf once all its records are delivered; then remove it."""
        if any(each.cargo.estate is estate and not each.done for each in (*self._again, *self._out)):
            return
        report = self._legacy.report(estate)
        if report is None:
            self._legacy.finish(estate)
            return
        self._desk.know(report.schema)
        if self._ready(report.message, self._desk.schema):
            cargo = Cargo(report.message, report.sequence, Priority.HIGH, report=True, estate=estate)
            self._hand(cargo, report.since_ms, mark=True)

    def _drain_shelf(self, room: int) -> None:
        """Hand over what the disk does not take."""
        while room > 0 and self._shelf:
            cargo = self._shelf.first()
            if not self._ready(cargo.message, self._desk.schema):
                return
            if not self._hand(cargo, self._clock.wall_us() // 1000):
                return
            self._shelf.take()
            room -= 1

    def _ready(self, message: Message, definition: Definition) -> bool:
        return self._publisher.ready(message.value[2:10], definition, self._now)

    # Writing down

    def _write_late(self, now: int | None) -> None:
        """Write down what has not been acknowledged for too long; all that was handed over if there is no time left."""
        before = None if now is None else now - self._late_ns
        self._outcomes.spooled += write_handed(self._desk, (*self._again, *self._out), before)

    def _write_pending(self) -> None:
        self._outcomes.spooled += self._shelf.write(self._outcomes.no_room)

    # Now and then

    def _chores(self) -> None:
        now = self._clock.monotonic_ns()
        self._chores_at = now + _CHORES_NS
        self._desk.chores()
        if self._legacy.look(now):
            self._holding = True

    def _note(self, *, closed: bool = False) -> None:
        """Keep the counts where they outlive the process."""
        now, lost = self._clock.monotonic_ns(), self._losses.total
        if now < self._note_at and lost == self._noted and not closed:
            self._desk.keep_tally()
            return
        self._noted = lost
        # A system call lets go of the interpreter, which a busy chatbot may keep for milliseconds then.
        self._note_at = now + (_NOTE_NS if self._desk.exact else _NOTE_OFTEN_NS)
        undone = first_undone((*self._again, *self._out))
        own = [each for each in (undone.pop(None, None), self._left) if each is not None]
        self._desk.note(min(own, default=None), closed=closed)
        self._legacy.note([(estate, index) for estate, index in undone.items() if estate is not None])

    def _useless(self) -> bool:
        """Whether waiting for Kafka leads nowhere: all is on disk, and it has been silent for a while."""
        if self._shelf or not self._holding:
            return False
        if any(not each.done and each.segment is None for each in self._out):
            return False
        return self._clock.monotonic_ns() - self._answered_at > _AWAY_NS
