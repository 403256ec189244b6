"""A request body kept on disk, so that its size never touches memory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Self


class Spool:
    """An unnamed temporary file that the engine reads through its descriptor.

    It has no name, so nothing is left behind, however the process ends. ``path`` is valid in this process until
    :meth:`close`.
    """

    def __init__(self, directory: Path) -> None:
        # The file outlives this scope on purpose; close() ends it.
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115
        self.size = 0

    def write(self, data: bytes) -> None:
        """Append; blocks on the disk."""
        self._file.write(data)
        self.size += len(data)

    @property
    def path(self) -> str:
        """Where the engine can open it, flushed."""
        self._file.flush()
        return f"/dev/fd/{self._file.fileno()}"

    def read(self) -> bytes:
        """All of it."""
        self._file.seek(0)
        return self._file.read()

    def close(self) -> None:
        """Give the space back."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
