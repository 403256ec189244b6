"""A producer's newest counts in shared memory: exact to the event when the process is killed, and nearly free.

The state on disk (:mod:`turnlog.producers.spool.state`) is some milliseconds old. These counts are plain stores to a
page of ``/dev/shm``, which is memory and nothing else: such a store never waits for a disk. They outlive the process
but not the machine; without them, or on systems that have no such place, the state on disk has to do.
"""

from __future__ import annotations

import mmap
import os
import stat
from pathlib import Path

NUMBERED, QUEUE_FULL, SETTLED = range(3)
"""Which cell holds what; see :class:`turnlog.producers.spool.state.State`."""

_PLACE = Path("/dev/shm")  # noqa: S108 - the files have names that can't be guessed, and only their owner reads them
_BYTES = 24


class Tally:
    """Three counts, at the same place for whoever takes over.

    Args:
        producer_id: Whose they are.
    """

    def __init__(self, producer_id: str) -> None:
        self.path = _path(producer_id)
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            # Written, not just sized: a page that is there can't be missing later, when the memory is full.
            os.write(fd, bytes(_BYTES))
            self._map = mmap.mmap(fd, _BYTES)
        except OSError:
            self.path.unlink(missing_ok=True)
            raise
        finally:
            os.close(fd)
        self.cells = memoryview(self._map).cast("Q")

    def remove(self) -> None:
        """Remove the file; the counts stay usable in this process."""
        remove(self.path)


def start(producer_id: str) -> Tally | None:
    """Return a new tally, or None where there is no place for one."""
    try:
        return Tally(producer_id)
    except (OSError, ValueError):
        return None


def read(producer_id: str) -> tuple[int, int, int] | None:
    """Return a dead producer's counts, or None if they are gone or somebody else's."""
    try:
        fd = os.open(_path(producer_id), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        about = os.fstat(fd)
        data = os.read(fd, _BYTES)
    except OSError:
        return None
    finally:
        os.close(fd)
    if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid() or len(data) != _BYTES:
        return None
    numbered, full, settled = memoryview(data).cast("Q")
    return numbered, full, settled


def discard(producer_id: str) -> None:
    """Remove a dead producer's counts."""
    remove(_path(producer_id))


def remove(path: Path) -> None:
    """Remove a file if it can be."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def _path(producer_id: str) -> Path:
    return _PLACE / f"turnlog-{producer_id}"
