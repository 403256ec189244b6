"""Keeps compiled Hyperscan databases in files of the user's, so that a worker starts in milliseconds, not in seconds.

Nothing here is needed: whatever is wrong with a file or its folder, the database is compiled again. But a database is
machine-near code, so only what this user wrote, and nobody else could have written to, is ever loaded.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import stat
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

import hyperscan

SMALLEST = 100_000
"""Bytes that a database must have to be kept; what is smaller compiles in no time."""

KEPT = 32
"""So many files are kept; the ones that nobody needed for longest go first."""

_ENDING = ".hsdb"
_MODE = hyperscan.HS_MODE_BLOCK


def folder(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Say where databases are kept: below ``TURNLOG_CACHE``, else the user's cache folder; None if there is neither."""
    named = environ.get("TURNLOG_CACHE")
    if named:
        return Path(named).absolute() / "gates"
    shared = environ.get("XDG_CACHE_HOME", "")
    if Path(shared).is_absolute():
        return Path(shared) / "turnlog" / "gates"
    try:
        return Path.home() / ".cache" / "turnlog" / "gates"
    except RuntimeError:
        return None


def key(expressions: Sequence[bytes], flags: Sequence[int], ids: Sequence[int]) -> str:
    """Return the name of these expressions' database for this Hyperscan on this kind of machine."""
    digest = hashlib.sha256(_machine().encode())
    for expression, flag, number in zip(expressions, flags, ids, strict=True):
        digest.update(b"%d %d %d " % (flag, number, len(expression)))
        digest.update(expression)
    return digest.hexdigest()


def load(within: Path, name: str) -> hyperscan.Database | None:
    """Return a database that was kept under a name, or None if there is none to be trusted.

    Args:
        within: The folder.
        name: What :func:`key` says.
    """
    try:
        if not _private(os.lstat(within), stat.S_ISDIR):
            return None
        opened = os.open(within / f"{name}{_ENDING}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(opened, "rb") as file:
            if not _private(os.fstat(opened), stat.S_ISREG):
                return None
            seal, data = file.read(hashlib.sha256().digest_size), file.read()
            with contextlib.suppress(OSError):  # in an image that is read only, nothing needs to be forgotten
                os.utime(opened)
        # Hyperscan itself trusts what it is given but for a checksum.
        return hyperscan.loadb(data, _MODE) if seal == _seal(name, data) else None
    except (OSError, hyperscan.error):
        return None


def store(within: Path, name: str, database: hyperscan.Database) -> None:
    """Keep a database under a name, if it is worth it and the folder can be written to.

    Any number of processes may do so at once: a file is whole or not there.

    Args:
        within: The folder; made, for the user alone, if it is not there.
        name: What :func:`key` says.
        database: The database.
    """
    try:
        data = hyperscan.dumpb(database)
        if len(data) < SMALLEST:
            return
        within.parent.mkdir(parents=True, exist_ok=True)
        within.mkdir(mode=0o700, exist_ok=True)
        if not _private(os.lstat(within), stat.S_ISDIR):
            return
        handle, written = tempfile.mkstemp(dir=within, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_seal(name, data) + data)
            Path(written).replace(within / f"{name}{_ENDING}")
        except BaseException:
            Path(written).unlink()
            raise
        _prune(within)
    except (OSError, hyperscan.error):
        return


def _seal(name: str, data: bytes) -> bytes:
    return hashlib.sha256(name.encode() + data).digest()


def _private(status: os.stat_result, is_kind: Callable[[int], bool]) -> bool:
    """Tell whether something is of the kind asked for, this user's, and nobody else's to write to."""
    return is_kind(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _prune(within: Path) -> None:
    ages = []
    for path in within.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another process prunes as well
            ages.append((path.stat().st_mtime, path))
    for _, path in sorted(ages)[:-KEPT]:
        path.unlink(missing_ok=True)


@cache
def _machine() -> str:
    """Describe what a database depends on besides its expressions."""
    features = ""
    with contextlib.suppress(OSError), Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as file:
        features = next((line for line in file if line.lower().startswith(("flags", "features"))), "")
    return f"1 {version('hyperscan')} {platform.system()} {platform.machine()} {features}"
