"""A producer's folder in the spool: one life of one client, guarded by a lock that ends with the process.

<spool>/<producer id>/lock       locked by whoever may touch the rest: the producer, or after its death its heir
                      life.json  what is the same in all its events
                      state      its counts: turnlog.producers.spool.state
                      <schema's fingerprint>.avsc
                      <first index>.segment …
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

LOCK, LIFE, STATE, RESERVE = "lock", "life.json", "state", "reserve"
SEGMENT = ".segment"
_SCHEMA = ".avsc"
_HIDDEN = "."


class Folder:
    """A folder whose lock is held.

    Args:
        path: Where it is.
        lock: Descriptor of the locked file.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock: int | None = lock
        self._inode = os.fstat(lock).st_ino

    @classmethod
    def create(cls, spool: Path, producer_id: str, life: Mapping[str, Any]) -> Folder:
        """Make a new life's folder.

        Raises:
            OSError: If that is not possible now.
        """
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made under a name that nobody adopts, and renamed when it is locked.
        hidden = spool / f"{_HIDDEN}{producer_id}"
        shutil.rmtree(hidden, ignore_errors=True)
        hidden.mkdir(mode=0o700)
        fd = os.open(hidden / LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            write_file(hidden / LIFE, json.dumps(life, default=str).encode())
            path = spool / producer_id
            hidden.rename(path)
            return cls(path, fd)
        except OSError:
            os.close(fd)
            shutil.rmtree(hidden, ignore_errors=True)
            raise

    @classmethod
    def take(cls, path: Path) -> Folder | None:
        """Return the folder of a dead producer, locked; None if somebody else has it, or it is none of ours."""
        try:
            fd = os.open(path / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            folder = cls(path, fd)
            if folder.there():
                return folder
        except OSError:
            pass  # somebody has it, or has just removed it
        os.close(fd)
        return None

    def there(self) -> bool:
        """Whether the folder still is what was locked: people remove directories."""
        try:
            return (self.path / LOCK).stat().st_ino == self._inode
        except OSError:
            return False

    def life(self) -> Mapping[str, Any] | None:
        """Return what is the same in all events of the producer; None if that can't be read."""
        try:
            found = json.loads((self.path / LIFE).read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def keep_schema(self, fingerprint: bytes, definition: bytes) -> None:
        """Keep a schema beside the records that it wrote.

        Raises:
            OSError: If the disk does not take it.
        """
        path = self.path / (fingerprint.hex() + _SCHEMA)
        if not path.exists():
            partial = path.with_suffix(".new")
            write_file(partial, definition)
            partial.rename(path)

    def schema(self, fingerprint: bytes) -> bytes | None:
        """Return a schema that was kept, or None."""
        try:
            return (self.path / (fingerprint.hex() + _SCHEMA)).read_bytes()
        except OSError:
            return None

    def segments(self) -> list[Path]:
        """Return the segments' paths in order."""
        try:
            return sorted(each for each in self.path.iterdir() if each.suffix == SEGMENT)
        except OSError:
            return []

    def remove(self) -> None:
        """Remove the folder with all that is in it, and let go of the lock."""
        for name in [each.name for each in _entries(self.path)]:
            if name != LOCK:
                _unlink(self.path / name)
        _unlink(self.path / LOCK)
        with suppress(OSError):  # something of somebody else's may be in it
            self.path.rmdir()
        self.release()

    def release(self) -> None:
        """Let go of the lock: from now on the folder is the next process's."""
        # In a forked child this closes the child's copy; the lock stays with the parent.
        if self._lock is not None:
            fd, self._lock = self._lock, None
            os.close(fd)


def others(spool: Path, but: str = "") -> Iterator[Path]:
    """Yield the folders of all lives in a spool, but for one, oldest first."""
    for each in sorted(_entries(spool), key=lambda each: each.name):
        if each.name != but and not each.name.startswith(_HIDDEN) and each.is_dir(follow_symlinks=False):
            yield Path(each.path)


def size(folder: Path) -> int:
    """Return how many bytes the segments in a folder take."""
    total = 0
    for each in _entries(folder):
        if each.name.endswith(SEGMENT):
            try:
                total += each.stat(follow_symlinks=False).st_size
            except OSError:
                continue  # just removed
    return total


def write_file(path: Path, data: bytes) -> None:
    """Write a file for the owner alone.

    Raises:
        OSError: If the disk does not take it.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if os.write(fd, data) != len(data):
            raise OSError(28, "no space for a whole file", str(path))
    finally:
        os.close(fd)


def _entries(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as found:
            return list(found)
    except OSError:
        return []


def _unlink(path: Path) -> None:
    try:
        path.unlink()
    except OSError:
        return
