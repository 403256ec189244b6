"""What dead producers have left in the spool, taken over by a living one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import NamedTuple

from turnlog.producers.clock import Clock
from turnlog.producers.delivery.losses import Losses, logger, report
from turnlog.producers.delivery.transport import Message
from turnlog.producers.encoding.packing import Packer
from turnlog.producers.ids import Ids
from turnlog.producers.spool.estate import Estate, estates
from turnlog.producers.spool.handed import CHUNK, Cargo, Hand, Ready
from turnlog.producers.spool.settings import Spool
from turnlog.schemas import Schema

_LOOK_NS = 30 * 1_000_000_000


class Report(NamedTuple):
    """A report on a dead producer's behalf.

    Attributes:
        message: The message.
        schema: What wrote its value.
        sequence: Its number among the producer's events.
        since_ms: When somebody first tried to deliver it.
    """

    message: Message
    schema: Schema
    sequence: int
    since_ms: int


class Legacy:
    """Finds the folders of dead producers and works them off.

    Args:
        spool: Where to look.
        own: Id of the producer that lives here.
        losses: Tells the operator.
        clock: Where the time is read.
        ids: Makes ids of reports.
    """

    def __init__(self, spool: Spool, own: str, losses: Losses, clock: Clock, ids: Ids) -> None:
        self._spool = spool
        self._left_alone = {own}
        self._losses = losses
        self._clock = clock
        self._ids = ids
        self._estates: list[Estate] = []
        self._look_at = 0

    @property
    def estates(self) -> Sequence[Estate]:
        """What has been taken over and is not finished, oldest first."""
        return tuple(self._estates)

    @property
    def unread(self) -> bool:
        """Whether any of it has records left to be handed over."""
        return any(each.backlog.unread for each in self._estates)

    def look(self, now_ns: int) -> bool:
        """Take over what has been left since the last time, now and then; whether there was anything."""
        if now_ns < self._look_at:
            return False
        self._look_at = now_ns + _LOOK_NS
        found = list(estates(self._spool, self._left_alone))
        for estate in found:
            if estate.state.crashed and not estate.state.closed:
                logger.warning("turnlog: producer %s died without a report; accounting for it", estate.producer_id)
        self._estates += found
        return bool(found)

    def drain(self, estate: Estate, room: int, hand: Hand, ready: Ready) -> bool:
        """Hand over what a dead producer has left; whether more may follow at once."""
        backlog = estate.backlog
        found = backlog.peek(min(room, CHUNK), self._wall_ms())
        chunk = list(takewhile(lambda each: ready(each[0].message, estate.folder.schema), found))
        before = backlog.handed
        if chunk:
            # Written down first: should this process die now, they count as ambiguous.
            self._note(estate, handed=chunk[-1][0].ordinal + 1)
        for record, segment in chunk:
            mark = bool(record.handed_ms) or record.ordinal < before
            cargo = Cargo(record.message, record.sequence, record.priority, report=False, estate=estate)
            since_ms = record.handed_ms or record.written_ms
            if not hand(cargo, since_ms, record.ordinal, segment, mark=mark):
                return False
            backlog.take()
        return len(chunk) == len(found)

    def report(self, estate: Estate) -> Report | None:
        """Return what is to be said on the dead producer's behalf, all of whose records were read; None for nothing."""
        estate.backlog.missing_behind(estate.state.written)
        if estate.reported or not estate.must_report():
            return None
        life = estate.life()
        if life is None:
            logger.warning("turnlog: spool: nobody can report for producer %s", estate.producer_id)
            return None
        now_us = self._clock.wall_us()
        event = report(estate.state.numbered, estate.losses(), now_us)
        packer = Packer({**life, "producer_id": estate.producer_id}, self._ids)
        message = packer.pack(event)
        self._note(estate, reporting_ms=now_us // 1000)
        schema = packer.template(event.kind.record).schema
        return Report(message, schema, event.sequence, estate.state.reporting_ms)

    def finish(self, estate: Estate) -> None:
        """Remove what is delivered and accounted for."""
        self._estates.remove(estate)
        estate.finish()

    def set_aside(self, estate: Estate, error: Exception) -> None:
        """Leave an estate to another process: this one can't cope with it, and nothing else is to suffer from it."""
        self._losses.spool_trouble(f"{estate.folder.path}: unexpected {type(error).__name__}; left where it is")
        logger.debug("turnlog: unexpected error", exc_info=error)
        self._left_alone.add(estate.producer_id)
        self._estates.remove(estate)
        estate.release()

    def note(self, undone: Iterable[tuple[Estate, int]]) -> None:
        """Write down how far all of it is.

        Args:
            undone: The first record of each estate that is handed over and not done.
        """
        first = {id(estate): index for estate, index in undone}
        for estate in self._estates:
            position = estate.backlog.position
            ends = [each for each in (position, first.get(id(estate))) if each is not None]
            done = min(ends, default=estate.state.written)
            estate.backlog.release()
            estate.backlog.expire(self._wall_ms())
            if done > estate.state.done:
                self._note(estate, done=done)

    def release(self) -> None:
        """Leave the rest to somebody else."""
        for estate in self._estates:
            estate.release()
        self._estates.clear()

    forget = release

    def _note(self, estate: Estate, *, done: int = 0, handed: int = 0, reporting_ms: int = 0) -> None:
        try:
            estate.note(done, handed, reporting_ms)
        except OSError as error:
            # Going on risks that some events are there twice if this process dies too; stopping would keep them all.
            self._losses.spool_trouble(f"{error.strerror or error}: {estate.folder.path}")

    def _wall_ms(self) -> int:
        return self._clock.wall_us() // 1000
