"""Brings what was written from the system's memory to the disk, where no power failure reaches it, in its own time."""

from __future__ import annotations

import os
from threading import Event, Lock, Thread

_SECONDS = 1.0


class Syncer:
    """A thread that syncs files about once a second; started by the first, gone with the last.

    A process that is killed loses nothing of what it has written; this is for machines that stop. A sync may take as
    long as it likes: nobody waits for it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._due: list[int] = []
        self._thread: Thread | None = None
        self._stopped = Event()

    def sync(self, fd: int) -> None:
        """Have a file synced soon; the descriptor may be closed meanwhile."""
        try:
            copy = os.dup(fd)
        except OSError:
            return
        with self._lock:
            self._due.append(copy)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="turnlog-sync", daemon=True)
                try:
                    self._thread.start()
                except RuntimeError:  # no more threads, or the interpreter is ending
                    self._thread = None
                    os.close(self._due.pop())

    def stop(self) -> None:
        """Sync what is due and end; does not wait for it."""
        self._stopped.set()

    def _run(self) -> None:
        while True:
            self._stopped.wait(_SECONDS)
            with self._lock:
                due, self._due = self._due, []
                if not due:
                    self._thread = None
                    return
            for fd in due:
                try:
                    os.fsync(fd)
                except OSError:
                    pass  # the writer hears of a bad disk itself
                finally:
                    os.close(fd)
