"""Which process a pid means: pids are used again, a pid with its start time is not."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

_PROC = Path("/proc")


@dataclass(frozen=True)
class ProcessIdentity:
    """One process, now and after its end.

    Attributes:
        pid: Its number.
        started: When it started, in the most exact words the system has; only good for comparing.
    """

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """Identify the process that has this pid now; None if there is none or only its unreaped rest."""
        started = _started(pid)
        return None if started is None else cls(pid, started)

    def alive(self) -> bool:
        """Tell whether this very process still runs."""
        return _started(self.pid) == self.started

    def send(self, number: signal.Signals) -> bool:
        """Send a signal to this process and to no other; False if it is gone."""
        try:
            if not hasattr(os, "pidfd_open"):
                if not self.alive():
                    return False
                os.kill(self.pid, number)
                return True
            # The descriptor keeps meaning the process it was opened for, so nothing can slip in after the check.
            descriptor = os.pidfd_open(self.pid)
            try:
                if not self.alive():
                    return False
                signal.pidfd_send_signal(descriptor, number)
            finally:
                os.close(descriptor)
        except ProcessLookupError:
            return False
        return True


def processes_with(variable: str, value: str) -> Iterator[ProcessIdentity]:
    """Find this user's processes whose environment, when they started, had a variable of this value."""
    for process in psutil.process_iter():
        try:
            found = process.environ().get(variable) == value
        except (psutil.Error, OSError):
            continue  # another user's, or gone meanwhile
        identity = ProcessIdentity.of(process.pid) if found else None
        if identity is not None:
            yield identity


def _started(pid: int) -> str | None:
    if (_PROC / "self" / "stat").exists():
        return _started_on_linux(pid)
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else repr(process.create_time())
    except psutil.Error:
        return None


def _started_on_linux(pid: int) -> str | None:
    """Read clock ticks since boot: unlike the time of day they do not move when the clock is set."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        boot = (_PROC / "sys" / "kernel" / "random" / "boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the program's name stands in parentheses and may hold anything
    state, ticks = fields[0], fields[19]
    return None if state in "ZX" else f"{boot}/{ticks}"
