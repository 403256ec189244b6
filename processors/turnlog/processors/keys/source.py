"""Where a worker has its keys from, and how it notices that they have changed."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from turnlog.processors.keys.file import KeyFile
from turnlog.processors.keys.form import parse
from turnlog.processors.keys.ring import KeyRing
from turnlog.processors.keys.service import load_service
from turnlog.schemas import SettingError, TransientError


class KeySource(Protocol):
    """Gives the key ring as it is now."""

    def ring(self) -> KeyRing:
        """Return the ring; the same object for as long as it has not changed.

        Raises:
            TransientError: If it has, and can't be read yet.
        """


class FixedKeys:
    """Keys that stay what they are, such as the environment's.

    Args:
        ring: The ring.
    """

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def ring(self) -> KeyRing:
        """Return the ring."""
        return self._ring


class WatchedKeys:
    """The keys of a file, read again when it is another one; asking costs one look at the file's status.

    Args:
        file: The file; read at once.

    Raises:
        SettingError: If it holds no keys.
        TransientError: If a key service does not answer.
    """

    def __init__(self, file: KeyFile) -> None:
        self._file = file
        self._seen = _status(file.path)
        self._ring = file.read()

    def ring(self) -> KeyRing:
        """Return the ring that the file holds now.

        Raises:
            TransientError: If the file has changed and can't be read: going on with keys that may have been destroyed
                or replaced would be wrong.
        """
        try:
            status = _status(self._file.path)
            if status != self._seen:
                self._ring = self._file.read()
                self._seen = status
        except SettingError as error:
            raise TransientError(f"the keys for pseudonyms have changed and can't be read: {error}") from error
        return self._ring


def key_source(
    key: str | None = None, file: Path | None = None, *, epoch: int = 1, service: str | None = None
) -> KeySource:
    """Return the keys that settings name.

    Args:
        key: What the environment holds: a ring or a master key.
        file: The file that holds it; wins.
        epoch: The number of a master key's epoch.
        service: ``module:factory`` of the adapter to a key service.

    Raises:
        SettingError: If there are none, or they can't be right.
        TransientError: If the key service does not answer.
    """
    adapter = None if service is None else load_service(service)
    if file is not None:
        return WatchedKeys(KeyFile(file, adapter, epoch))
    if key is not None:
        return FixedKeys(parse(key, epoch, adapter))
    raise SettingError(
        "no key for pseudonyms: set TURNLOG_PSEUDONYM_KEY_FILE to a file that `turnlog keys create` has made, "
        "or with 32 random characters or more (or TURNLOG_PSEUDONYM_KEY)"
    )


def _status(path: Path) -> tuple[int, int, int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise SettingError(f"TURNLOG_PSEUDONYM_KEY_FILE: {error.strerror}: {path}") from error
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
