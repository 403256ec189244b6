"""A living producer's own place in the spool; does without while the disk is full, broken or gone, and tries again."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any

from turnlog.producers.clock import Clock
from turnlog.producers.delivery.intake import Cells, Numbers
from turnlog.producers.delivery.losses import SPOOL_CORRUPT, Losses
from turnlog.producers.kinds import Priority
from turnlog.producers.spool import tally
from turnlog.producers.spool.backlog import Lose, Segment
from turnlog.producers.spool.folder import STATE, Folder, others, size
from turnlog.producers.spool.handed import CHUNK, Cargo, Hand, Ready
from turnlog.producers.spool.journal import FULL, RESERVE_BYTES, Draft, Journal
from turnlog.producers.spool.settings import Spool
from turnlog.producers.spool.state import State, StateFile
from turnlog.schemas import Schema

_MS = 1_000_000
_RETRY_NS = 1000 * _MS

Placed = dict[int, tuple[int, Segment]]
"""Which drafts were written, by their place: the record's index and its segment."""


class Desk:
    """Writes records and the producer's state.

    Args:
        spool: Where, and how much.
        producer_id: Names the folder.
        life: What is the same in all events of the producer, for whoever may have to report on its behalf.
        numbers: Returns the intake's counts.
        count_in: Told where the intake can keep its counts so that they outlive the process.
        losses: Counts, and tells the operator.
        clock: Where the time is read.

    Attributes:
        settled: Events and reports that were delivered or dropped without having been on disk.
        works: Whether the disk took what was written last.
    """

    def __init__(
        self,
        spool: Spool,
        producer_id: str,
        life: Mapping[str, Any],
        *,
        numbers: Callable[[], Numbers],
        count_in: Callable[[Cells], None],
        losses: Losses,
        clock: Clock,
    ) -> None:
        self.settled = 0
        self.works = True
        self._spool = spool
        self._producer_id = producer_id
        self._life = life
        self._numbers = numbers
        self._count_in = count_in
        self._losses = losses
        self._clock = clock
        self._lose: Lose = losses.add
        self._journal: Journal | None = None
        self._file: StateFile | None = None
        self._tally: tally.Tally | None = None
        self._state = State()
        self._retry_at = 0
        self._full = False
        self._schemas: dict[bytes, Schema] = {}
        self._kept: set[bytes] = set()
        self._reports: set[int] = set()

    def open(self, lose: Lose) -> None:
        """Make the folder, or find out that it can't be made now.

        Args:
            lose: Told of records that are damaged, or too old.
        """
        self._lose = lose
        self._open()

    # Schemas

    def know(self, schema: Schema) -> None:
        """Note a schema that events are written with."""
        if schema.fingerprint not in self._schemas:
            self._schemas[schema.fingerprint] = schema

    def schema(self, fingerprint: bytes) -> bytes | None:
        """Return a schema's definition."""
        found = self._schemas.get(fingerprint)
        return None if found is None else found.to_json().encode()

    # Writing

    def admits(self, priority: int, length: int) -> bool:
        """Whether the spool's limit leaves room for so many bytes; yes while nobody can tell."""
        return self._journal is None or self._journal.admits(priority, length)

    @property
    def full(self) -> bool:
        """Whether the disk is full, so that only what has the highest priority may be written, into the reserve."""
        return self._full

    @property
    def may_work(self) -> bool:
        """Whether it is worth trying to write: the disk works, or was not tried for a while."""
        return self.works or self._clock.monotonic_ns() >= self._retry_at

    def write(self, drafts: Sequence[Draft]) -> Placed:
        """Write what the disk takes."""
        if not drafts:
            return {}
        if self._full and not self._space():
            return self._write_urgent(drafts)
        if not self.may_work or (self._journal is None and not self._open()):
            return {}
        try:
            placed = self._append(drafts, range(len(drafts)))
        except OSError as error:
            self._trouble(error)
            if error.errno in FULL:
                self._full = True
                return self._write_urgent(drafts)
            return {}
        self.works, self._full = True, False
        return placed

    def _write_urgent(self, drafts: Sequence[Draft]) -> Placed:
        places = [place for place, each in enumerate(drafts) if each.priority >= Priority.HIGH]
        if not places or self._journal is None:
            return {}
        for _ in range(2):
            try:
                return self._append([drafts[place] for place in places], places)
            except OSError:
                if not self._journal.give_reserve():
                    break
        return {}

    def _append(self, drafts: Sequence[Draft], places: Sequence[int]) -> Placed:
        assert self._journal is not None, "no journal"
        for each in drafts:
            fingerprint = each.message.value[2:10]
            if fingerprint not in self._kept:
                definition = self.schema(fingerprint)
                if definition is not None:
                    self._journal.folder.keep_schema(fingerprint, definition)
                self._kept.add(fingerprint)
        first = self._journal.next_index
        segment = self._journal.append(drafts, self._wall_ms())
        return {place: (first + number, segment) for number, place in enumerate(places)}

    def _space(self) -> bool:
        """Whether a full disk has got room again, so much that the reserve can be restored."""
        if self._clock.monotonic_ns() < self._retry_at or self._journal is None:
            return False
        self._retry_at = self._clock.monotonic_ns() + _RETRY_NS
        try:
            about = os.statvfs(self._journal.folder.path)
        except OSError:
            return False
        if about.f_bavail * about.f_frsize < 2 * RESERVE_BYTES:
            return False
        self._full = False
        self._journal.keep_reserve()
        self._retry_at = 0
        return True

    def _trouble(self, error: OSError) -> None:
        self.works = False
        self._retry_at = self._clock.monotonic_ns() + _RETRY_NS
        self._losses.spool_trouble(f"{error.strerror or error}: {self._spool.path}; events wait in memory")

    # Reading back

    @property
    def waiting(self) -> bool:
        """Whether records wait that were never handed over."""
        return self._journal is not None and self._journal.waiting

    @property
    def unfinished(self) -> bool:
        """Whether there is any record that is not done."""
        return self._journal is not None and self._journal.unfinished

    def drain(self, room: int, hand: Hand, ready: Ready) -> bool:
        """Hand over what was written here and waits; whether more may follow at once."""
        journal = self._journal
        assert journal is not None, "no journal"
        if not journal.backlog.unread:
            journal.roll()
        found = journal.backlog.peek(min(room, CHUNK), self._wall_ms())
        chunk = list(takewhile(lambda each: ready(each[0].message, self.schema), found))
        if chunk:
            # Written down first: should the process die now, they count as ambiguous.
            self._write_state(self._state.done, handed=chunk[-1][0].ordinal + 1)
        for record, segment in chunk:
            cargo = Cargo(record.message, record.sequence, record.priority, self.is_report(record.sequence))
            if not hand(cargo, record.written_ms, record.ordinal, segment):
                return False
            journal.backlog.take()
        return len(chunk) == len(found)

    def is_report(self, sequence: int) -> bool:
        """Whether the event of that number is a report."""
        return sequence in self._reports

    def remember_report(self, sequence: int) -> None:
        """Note that the event of that number is a report."""
        self._reports.add(sequence)

    # State

    @property
    def exact(self) -> bool:
        """Whether the newest counts are in shared memory, so that those on disk may be older."""
        return self._tally is not None

    def keep_tally(self) -> None:
        """Keep the count of what is settled in shared memory."""
        if self._tally is not None:
            self._tally.cells[tally.SETTLED] = self._settled

    def note(self, first_undone: int | None, *, closed: bool = False) -> None:
        """Write the producer's counts down.

        Args:
            first_undone: Index of the first record that is handed over and not done, if there is any.
            closed: Whether this is the end, and the last report is delivered or written.
        """
        if self._journal is not None:
            done = self._journal.position
            self._write_state(done if first_undone is None else min(done, first_undone), closed=closed)
        # Losses are written down before they count as settled: killed in between, they would count twice, not never.
        self.keep_tally()

    @property
    def _settled(self) -> int:
        return self.settled + self._losses.unsent

    def _write_state(self, done: int, handed: int = 0, *, closed: bool = False) -> None:
        if self._file is None or self._journal is None:
            return
        numbers, before = self._numbers(), self._state
        state = State(
            turn=before.turn,
            numbered=numbers.next_sequence,
            queue_full=numbers.queue_full,
            settled=self._settled,
            written=self._journal.next_index,
            handed=max(before.handed, handed),
            done=max(before.done, done),
            dropped=self._losses.counts(),
            closed=closed,
        )
        if state == before:
            return
        self._state = State(**{**vars(state), "turn": before.turn + 1})
        try:
            self._file.write(self._state)
        except OSError as error:
            self._trouble(error)

    # Now and then

    def chores(self) -> None:
        """Sync, remove what is done or too old, look whether the folder is still there; about once a second."""
        journal = self._journal
        if journal is None:
            if self._clock.monotonic_ns() >= self._retry_at:
                self._open()
            return
        if not journal.folder.there():
            self._lost_folder(journal)
            return
        journal.sync()
        journal.tidy()
        journal.backlog.expire(self._wall_ms())
        journal.elsewhere = sum(size(each) for each in others(self._spool.path, self._producer_id))
        if not self._full:
            journal.keep_reserve()

    def _lost_folder(self, journal: Journal) -> None:
        """Begin again in a new folder: somebody has removed the old one, and what was in it."""
        journal.close()
        gone = journal.backlog.unread_count
        self._journal = None
        self._kept.clear()
        self._losses.spool_trouble(f"{journal.folder.path} was removed")
        if gone:
            self._lose(SPOOL_CORRUPT, "its folder was removed", gone)
        journal.folder.release()
        if self._file is not None:
            self._file.close()
            self._file = None
        self._open(journal.next_index)

    def _open(self, first: int = 0) -> bool:
        first = max(first, self._state.written)
        folder: Folder | None = None
        try:
            folder = Folder.create(self._spool.path, self._producer_id, self._life)
            self._file = StateFile(folder.path / STATE)
        except OSError as error:
            if folder is not None:
                folder.remove()
            self._trouble(error)
            return False
        self._journal = Journal(folder, self._spool, self._lose, first)
        self.works = True
        if self._tally is None:
            self._tally = tally.start(self._producer_id)
            if self._tally is not None:
                self._count_in(self._tally.cells)
        return True

    def _wall_ms(self) -> int:
        return self._clock.wall_us() // 1000

    # The end

    def close(self) -> None:
        """Leave the folder to the next process, or remove it if nothing is left to be done."""
        journal = self._journal
        finished = self._state.closed or not self._state.numbered
        if journal is not None:
            journal.close()
            if finished and not journal.unfinished:
                journal.folder.remove()
            else:
                journal.folder.release()
        if self._file is not None:
            self._file.close()
        if self._tally is not None and finished:
            self._tally.remove()

    def forget(self) -> None:
        """Close a forked child's copies of its parent's files."""
        journal, file = self._journal, self._file
        if journal is not None:
            journal.forget()
            journal.folder.release()
        if file is not None:
            file.close()
