"""The components' log files: kept small, and read from their end."""

import shutil
from collections.abc import Iterable
from pathlib import Path

_MIB = 1024 * 1024


def rotate(logs: Iterable[Path], limit: int = 10 * _MIB) -> None:
    """Move what is in each log over `limit` bytes to ``<name>.1``, which it replaces.

    The file is copied and emptied, not renamed: the component that writes has it open, in append mode, and goes on at
    its new end. Lines written between the two steps are lost.
    """
    for log in logs:
        try:
            if log.stat().st_size > limit:
                shutil.copyfile(log, log.with_name(f"{log.name}.1"))
                with log.open("r+b") as handle:
                    handle.truncate(0)
        except OSError:
            continue  # not there yet, or a full disk: a log must not stop the stack


def tail(log: Path, lines: int = 15) -> list[str]:
    """Return the last lines of a log that say something; none if it cannot be read."""
    try:
        with log.open("rb") as handle:
            handle.seek(max(0, log.stat().st_size - 64 * 1024))
            text = handle.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    return [line.rstrip() for line in text.splitlines() if line.strip()][-lines:]
