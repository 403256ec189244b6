"""What waits on disk, segment after segment: read once, in order, and removed when all of it is done."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from turnlog.producers.delivery.losses import SPOOL_CORRUPT, SPOOL_EXPIRED
from turnlog.producers.kinds import Priority
from turnlog.producers.spool.record import Record, decode_all

Lose = Callable[[str, str, int], None]
"""Counts lost events: the reason, a sentence, how many."""


@dataclass(eq=False)
class Segment:
    """A file of records.

    Attributes:
        path: The file.
        first: Index of its first record.
        count: Records in it; None where nobody has counted.
        waiting: How many of them were written without having been handed over; None where nobody has counted.
        left: Records in it that are not done.
        size: Bytes.
        newest_ms: About when the newest was written, milliseconds since 1970 UTC.
        read: Whether its records have been read.
    """

    path: Path
    first: int
    count: int | None = None
    waiting: int | None = None
    left: int = 0
    size: int = 0
    newest_ms: int = 0
    read: bool = False


class Backlog:
    """The closed segments of one producer that are not done.

    Args:
        max_age: Seconds after which what has never been handed over is dropped, unless it has the highest priority.
        lose: Counts what is dropped or damaged.
        own: Whether the producer lives here: what it has handed over is then watched in memory and passed over here.
        done: Records with a lower index are done.
        handed: Records with a lower index may have been handed over.
        seen: Losses among records with a lower index are counted already.
    """

    def __init__(self, max_age: float, lose: Lose, *, own: bool, done: int = 0, handed: int = 0, seen: int = 0) -> None:
        self.handed = handed
        self.seen = seen
        self._max_age_ms = int(max_age * 1000)
        self._lose = lose
        self._own = own
        self._judged = seen
        self._segments: deque[Segment] = deque()
        self._loaded: deque[tuple[Record, Segment]] = deque()
        self._next = done

    def add(self, segments: Iterable[Segment]) -> None:
        """Put closed segments behind those that are there."""
        self._segments.extend(segments)

    @property
    def size(self) -> int:
        """How many bytes the segments have."""
        return sum(each.size for each in self._segments)

    @property
    def unread_count(self) -> int:
        """How many records :meth:`take` has not returned, as far as they have been counted."""
        return len(self._loaded) + sum(each.waiting or 0 for each in self._segments if not each.read)

    @property
    def unfinished(self) -> bool:
        """Whether any record is not done."""
        return any(each.left or not each.read for each in self._segments)

    @property
    def unread(self) -> bool:
        """Whether records may be left that :meth:`take` has not returned."""
        return bool(self._loaded) or any(not each.read for each in self._segments)

    @property
    def position(self) -> int | None:
        """No record that is to be read has a lower index; None if there is none to be read."""
        if self._loaded:
            return self._loaded[0][0].ordinal
        return next((each.first for each in self._segments if not each.read), None)

    def peek(self, most: int, now_ms: int) -> list[tuple[Record, Segment]]:
        """Return up to so many records that come next, each with its segment; reads files.

        Damaged ones are passed over and counted, as are those that are too old.
        """
        while not self._loaded:
            segment = next((each for each in self._segments if not each.read), None)
            if segment is None:
                return []
            self._load(segment, now_ms)
        return [self._loaded[place] for place in range(min(most, len(self._loaded)))]

    def take(self) -> None:
        """Go on behind the first record that :meth:`peek` returned."""
        record, _ = self._loaded.popleft()
        self.handed = max(self.handed, record.ordinal + 1)

    def release(self) -> None:
        """Remove the segments that are done, from the oldest on."""
        while self._segments and self._segments[0].read and not self._segments[0].left:
            segment = self._segments[0]
            if self._loaded and self._loaded[0][1] is segment:
                return
            self._segments.popleft()
            try:
                segment.path.unlink()
            except OSError:
                continue  # gone already, or to be read again in vain: its index says that it is done

    def expire(self, now_ms: int) -> None:
        """Drop what has become too old while it waited."""
        while self._segments and now_ms - self._segments[0].newest_ms > self._max_age_ms:
            segment = self._segments[0]
            if not segment.read:
                self._load(segment, now_ms)
            elif self._loaded and self._loaded[0][1] is segment:
                kept = [each for each in self._loaded if not self._too_old(each[0], each[1], now_ms)]
                self._loaded = deque(kept)
            before = len(self._segments)
            self.release()
            if len(self._segments) == before:
                return

    def _load(self, segment: Segment, now_ms: int) -> None:
        segment.read = True
        try:
            data = segment.path.read_bytes()
        except OSError as error:
            data = b""
            why = f"a segment can't be read: {error.strerror}"
        else:
            why = "a segment is damaged"
        records = [each for each in decode_all(data) if each.ordinal >= self._next]
        if self._own:
            waiting = [each for each in records if not each.handed_ms]
            missing = (segment.waiting or 0) - len(waiting)
            segment.left -= max(0, missing)
        else:
            waiting, missing = records, self._gaps(records)
            segment.left = len(records)
        if missing > 0:
            self._lose(SPOOL_CORRUPT, why, missing)
        if records:
            self._next = records[-1].ordinal + 1
        self._loaded.extend((each, segment) for each in waiting if not self._too_old(each, segment, now_ms))
        self.seen = max(self.seen, self._next)

    def _gaps(self, records: list[Record]) -> int:
        """How many records before and among these are nowhere and not counted yet."""
        missing, at = 0, max(self._next, self.seen)
        for record in records:
            missing += max(0, record.ordinal - at)
            at = max(at, record.ordinal + 1)
        return missing

    def missing_behind(self, written: int) -> None:
        """Count what should stand behind the last record that was read.

        Args:
            written: How many records were ever written.
        """
        missing = written - max(self._next, self.seen)
        if missing > 0:
            self._lose(SPOOL_CORRUPT, "the last segment ends too early", missing)
        self._next = self.seen = max(self._next, self.seen, written)

    def _too_old(self, record: Record, segment: Segment, now_ms: int) -> bool:
        """Whether a record is dropped for its age, and count it then."""
        if record.handed_ms or record.ordinal < self.handed or record.priority >= Priority.HIGH:
            return False
        if record.ordinal < self._judged:
            return False  # a former heir has judged it, and counted it if it was too old
        if now_ms - record.written_ms <= self._max_age_ms:
            return False
        segment.left -= 1
        self._lose(SPOOL_EXPIRED, "waited for Kafka for too long", 1)
        return True
