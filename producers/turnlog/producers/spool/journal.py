"""What a living producer writes to its folder: records behind one another, a system call for each batch."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from turnlog.producers.delivery.transport import Message
from turnlog.producers.kinds import Priority
from turnlog.producers.spool.backlog import Backlog, Lose, Segment
from turnlog.producers.spool.folder import RESERVE, SEGMENT, Folder
from turnlog.producers.spool.record import Record, encode
from turnlog.producers.spool.settings import Spool
from turnlog.producers.spool.syncer import Syncer

SEGMENT_BYTES = 4 * 1024 * 1024
RESERVE_BYTES = 1024 * 1024
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

_SHARE = {Priority.LOW: 0.75, Priority.NORMAL: 1.0}


class Draft(NamedTuple):
    """A record that has no place yet; see :class:`turnlog.producers.spool.record.Record`."""

    sequence: int
    handed_ms: int
    priority: int
    message: Message


class Journal:
    """Appends records to segments.

    Args:
        folder: Where the segments are.
        spool: How much may be there.
        lose: Counts what is found damaged or too old when it is read again.
        first: Index of the next record.
    """

    def __init__(self, folder: Folder, spool: Spool, lose: Lose, first: int = 0) -> None:
        self.folder = folder
        self.backlog = Backlog(spool.max_age, lose, own=True, done=first)
        self.next_index = first
        self.elsewhere = 0
        self._spool = spool
        self._syncer = Syncer()
        self._active: Segment | None = None
        self._fd = -1
        self._dirty = False
        self.keep_reserve()

    def admits(self, priority: int, size: int) -> bool:
        """Whether that many bytes more are within the spool's limit for events of that priority."""
        share = _SHARE.get(Priority(priority))
        return share is None or self.size + self.elsewhere + size <= share * self._spool.max_bytes

    @property
    def size(self) -> int:
        """How many bytes this producer's segments have."""
        return self.backlog.size + (self._active.size if self._active else 0)

    @property
    def waiting(self) -> bool:
        """Whether there are records that were never handed over."""
        return self.backlog.unread or bool(self._active and self._active.waiting)

    @property
    def unfinished(self) -> bool:
        """Whether any record is not done."""
        return self.backlog.unfinished or bool(self._active and self._active.left)

    @property
    def position(self) -> int:
        """No record that waits has a lower index."""
        position = self.backlog.position
        if position is not None:
            return position
        return self._active.first if self._active and self._active.waiting else self.next_index

    def append(self, drafts: Sequence[Draft], now_ms: int) -> Segment:
        """Write records, all or none; they get the indices from :attr:`next_index` on.

        Raises:
            OSError: If the disk does not take them.
        """
        segment = self._active or self._open()
        data = b"".join(
            [
                encode(
                    Record(self.next_index + place, each.sequence, now_ms, each.handed_ms, each.priority, each.message)
                )
                for place, each in enumerate(drafts)
            ]
        )
        try:
            self._write(data)
        except OSError:
            self._cut(segment)
            raise
        segment.size += len(data)
        segment.count = (segment.count or 0) + len(drafts)
        segment.waiting = (segment.waiting or 0) + sum(not each.handed_ms for each in drafts)
        segment.left += len(drafts)
        segment.newest_ms = now_ms
        self.next_index += len(drafts)
        self._dirty = True
        if segment.size >= SEGMENT_BYTES:
            self.roll()
        return segment

    def roll(self) -> None:
        """Close the segment that is written to, so that it can be read."""
        segment, self._active = self._active, None
        if segment is None:
            return
        self._syncer.sync(self._fd)
        os.close(self._fd)
        segment.read = not segment.waiting  # what was handed over is watched in memory
        self.backlog.add([segment])

    def sync(self) -> None:
        """Have what was written brought to the disk soon."""
        if self._dirty and self._active:
            self._syncer.sync(self._fd)
        self._dirty = False

    def tidy(self) -> None:
        """Remove what is done."""
        if self._active and not self._active.left:
            self.roll()
        self.backlog.release()

    def keep_reserve(self) -> None:
        """Keep some of the disk free for events of the highest priority, if there is any."""
        path = self.folder.path / RESERVE
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError:
            return  # it is there, or nothing can be
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(fd, 0, RESERVE_BYTES)
            else:
                os.write(fd, bytes(RESERVE_BYTES))
        except OSError:
            pass  # a smaller reserve, or none
        finally:
            os.close(fd)

    def give_reserve(self) -> bool:
        """Give up the reserve; False if there was none."""
        try:
            (self.folder.path / RESERVE).unlink()
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Let go of the files."""
        self.roll()
        self._syncer.stop()

    def forget(self) -> None:
        """Close this process's copies of a parent's descriptors."""
        if self._active:
            os.close(self._fd)
            self._active = None

    def _write(self, data: bytes) -> None:
        if os.write(self._fd, data) < len(data):
            # A file system takes what fits; half a batch is none.
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _open(self) -> Segment:
        path = self.folder.path / f"{self.next_index:020d}{SEGMENT}"
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._active = Segment(path, self.next_index)
        return self._active

    def _cut(self, segment: Segment) -> None:
        """Take back what was written of a batch; if even that fails, readers pass over it."""
        with suppress(OSError):
            os.ftruncate(self._fd, segment.size)
        if segment.count:
            self.roll()
            return
        # The next segment will have the same name.
        self._active = None
        os.close(self._fd)
        with suppress(OSError):
            segment.path.unlink()
