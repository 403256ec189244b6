"""The file that holds a key ring: for its owner alone, whole at any moment, and changed by one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from turnlog.processors.keys.form import dump, parse
from turnlog.processors.keys.ring import KeyRing
from turnlog.processors.keys.service import KeyService
from turnlog.schemas import SettingError, UserError


class KeyFile:
    """A key ring on disk.

    Args:
        path: The file; may be a link to it.
        service: Keeps halves of keys, where there is one.
        epoch: The number of the epoch of a master key that stands in the file alone.
    """

    def __init__(self, path: Path, service: KeyService | None = None, epoch: int = 1) -> None:
        self.path = path
        self.service = service
        self._epoch = epoch

    def read(self) -> KeyRing:
        """Return what the file holds.

        Raises:
            SettingError: If it can't be read or holds no keys.
            TransientError: If a key service does not answer.
        """
        try:
            text = self.path.read_bytes().decode()
        except OSError as error:
            raise SettingError(f"TURNLOG_PSEUDONYM_KEY_FILE: {error.strerror}: {self.path}") from error
        except UnicodeDecodeError:
            raise SettingError(f"TURNLOG_PSEUDONYM_KEY_FILE: not a text: {self.path}") from None
        return parse(text, self._epoch, self.service)

    def create(self, ring: Callable[[], KeyRing]) -> bool:
        """Write a new ring where there is no file, never over one that exists; returns whether it was written.

        Raises:
            OSError: If it can't be written.
        """
        if self.path.exists():
            return False
        # Written beside and linked into place: whole at once, and whoever comes second finds it there.
        with self._draft(self.path, dump(ring())) as draft:
            try:
                self.path.hardlink_to(draft)
            except FileExistsError:
                return False
        _sync_folder(self.path.parent)
        return True

    def change(self, edit: Callable[[KeyRing], KeyRing], *, shred: bool = False) -> KeyRing:
        """Replace the ring by what an edit makes of it, while other processes that want to wait; returns the new one.

        Args:
            edit: Makes the new ring; when it raises, nothing is changed.
            shred: Whether the bytes of the old file are written over. File systems that copy on write, and backups,
                may keep them all the same.

        Raises:
            UserError: If the file can't be read or written, or the edit refuses.
            TransientError: If a key service does not answer.
        """
        path = self.path.resolve()
        try:
            with _locked(path.with_name(f"{path.name}.lock")):
                changed = edit(self.read())
                self._replace(path, dump(changed), shred=shred)
        except OSError as error:
            raise UserError(f"{self.path} can't be changed: {error.strerror}") from error
        return changed

    def _replace(self, path: Path, text: str, *, shred: bool) -> None:
        with path.open("r+b") as old, self._draft(path, text) as draft:
            before = os.fstat(old.fileno())
            if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                # Whoever runs the command as root leaves the file to those who must read it.
                os.chown(draft, before.st_uid, before.st_gid)
            draft.replace(path)
            _sync_folder(path.parent)
            if shred:
                old.write(b"\0" * before.st_size)
                old.flush()
                os.fsync(old.fileno())

    @contextlib.contextmanager
    def _draft(self, path: Path, text: str) -> Iterator[Path]:
        draft = path.with_name(f".{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(descriptor, "w", encoding="utf-8") as handle:  # noqa: PTH123 - of a descriptor, which Path cannot
                handle.write(text)
                handle.flush()
                os.fsync(descriptor)
            yield draft
        finally:
            draft.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
