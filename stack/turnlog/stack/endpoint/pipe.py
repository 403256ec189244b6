"""The pipe through which a worker thread's result reaches the event loop, with the pipe's size as back-pressure."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import sys
from typing import Final

_CAPACITY: Final = 1 << 20


class ResultPipe:
    """Written to by a thread or by the engine itself, by descriptor; read by the event loop.

    The writer closes its end when the statement has ended, which ends the reading. Closing the reading end makes
    later writes fail.
    """

    def __init__(self) -> None:
        self._reader, self.sink = os.pipe()
        os.set_blocking(self._reader, False)
        if sys.platform == "linux":
            # Refused when a user's pipes are many; the default size only makes it slower.
            with contextlib.suppress(OSError):
                fcntl.fcntl(self._reader, fcntl.F_SETPIPE_SZ, _CAPACITY)

    async def read(self) -> bytes:
        """Wait for a piece of the result; empty at its end."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                return os.read(self._reader, _CAPACITY)
            except BlockingIOError:
                ready = loop.create_future()
                loop.add_reader(self._reader, _wake, ready)
                try:
                    await ready
                finally:
                    loop.remove_reader(self._reader)

    def close_sink(self) -> None:
        """Called by the writer, once."""
        os.close(self.sink)

    def close(self) -> None:
        """Stop reading."""
        os.close(self._reader)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
