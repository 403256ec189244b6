"""What a dead producer has left: its records, and the account that it could not give any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from turnlog.producers.delivery.losses import CRASHED
from turnlog.producers.spool import tally
from turnlog.producers.spool.backlog import Backlog, Segment
from turnlog.producers.spool.folder import STATE, Folder, others
from turnlog.producers.spool.record import decode_all
from turnlog.producers.spool.settings import Spool
from turnlog.producers.spool.state import State, StateFile


class Estate:
    """A dead producer's folder, and how far this heir has come with it.

    Args:
        folder: The folder, locked.
        spool: How old records may be.

    Raises:
        OSError: If it can't be read.
    """

    def __init__(self, folder: Folder, spool: Spool) -> None:
        self.folder = folder
        self.producer_id = folder.path.name
        self.reported = False
        self._file = StateFile(folder.path / STATE)
        self._losses: Counter[str] = Counter()
        state = self._file.read()
        found = tally.read(self.producer_id)
        if found is not None and not state.closed:
            numbered, full, settled = found
            state = replace(
                state,
                numbered=max(state.numbered, numbered),
                queue_full=max(state.queue_full, full),
                settled=max(state.settled, settled),
            )
        segments = [each for each in map(_segment, folder.segments()) if each is not None]
        state = _with_what_is_there(state, segments)
        self.state = state
        self.backlog = Backlog(
            spool.max_age, self._lose, own=False, done=state.done, handed=state.handed, seen=state.seen
        )
        self.backlog.add(segments)

    def life(self) -> Mapping[str, Any] | None:
        """Return what is the same in all events of the producer."""
        return self.folder.life()

    def lost(self, reason: str, why: str, count: int = 1) -> None:
        """Count events of the dead producer that did not make it."""
        self._lose(reason, why, count)

    def losses(self) -> Mapping[str, int]:
        """Return all that the dead producer's events were lost by."""
        total = Counter(self.state.dropped) + self._losses
        if self.state.queue_full:
            total["queue_full"] += self.state.queue_full
        if self.state.crashed and not self.state.closed:
            total[CRASHED] += self.state.crashed
        return dict(total)

    def must_report(self) -> bool:
        """Whether the producer has not had its last word, or that was not the whole truth."""
        return self.state.numbered > 0 and (not self.state.closed or bool(self._losses))

    def note(self, done: int, handed: int = 0, reporting_ms: int = 0) -> None:
        """Write down how far this heir is, for the next one.

        Args:
            done: Records with a lower index are done.
            handed: Records with a lower index may have been handed over.
            reporting_ms: When the report is about to be handed over; 0 for not now.

        Raises:
            OSError: If the disk does not take it.
        """
        backlog = self.backlog
        self.state = replace(
            self.state,
            turn=self.state.turn + 1,
            done=max(self.state.done, done),
            handed=max(self.state.handed, backlog.handed, handed),
            seen=max(self.state.seen, backlog.seen),
            dropped=dict(Counter(self.state.dropped) + self._losses),
            closed=self.state.closed and not self._losses,
            reporting_ms=self.state.reporting_ms or reporting_ms,
        )
        self._losses.clear()
        self._file.write(self.state)

    def finish(self) -> None:
        """Remove all of it: everything is delivered or accounted for."""
        self._file.close()
        tally.discard(self.producer_id)
        self.folder.remove()

    def release(self) -> None:
        """Leave the rest to somebody else."""
        self._file.close()
        self.folder.release()

    def _lose(self, reason: str, why: str, count: int) -> None:
        del why  # it is told by the report, and by the heir's warning that there was a death
        self._losses[reason] += count


def estates(spool: Spool, but: Container[str]) -> Iterator[Estate]:
    """Take over the folders of producers that are dead, oldest first.

    Args:
        spool: Where to look.
        but: Ids of producers that are left alone.
    """
    for path in others(spool.path):
        folder = None if path.name in but else Folder.take(path)
        if folder is None:
            continue
        try:
            yield Estate(folder, spool)
        except OSError:
            folder.release()


def _segment(path: Path) -> Segment | None:
    try:
        about = path.stat()
        return Segment(path, int(path.stem), size=about.st_size, newest_ms=about.st_mtime_ns // 1_000_000)
    except (OSError, ValueError):
        return None


def _with_what_is_there(state: State, segments: list[Segment]) -> State:
    """Return the state with what the last segment knows better: it may be newer than the state."""
    for segment in reversed(segments):
        try:
            records = list(decode_all(segment.path.read_bytes()))
        except OSError:
            continue
        if records:
            return replace(
                state,
                written=max(state.written, records[-1].ordinal + 1),
                numbered=max(state.numbered, max(each.sequence for each in records) + 1),
            )
    return state
