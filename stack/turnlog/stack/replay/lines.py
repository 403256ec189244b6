"""Reads lines from a file, a gzip file or standard input, one at a time, however large the file is."""

import gzip
import sys
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from io import BufferedReader
from pathlib import Path
from typing import IO, NamedTuple

from turnlog.schemas import UserError

MAX_LINE_BYTES = 64 * 1024 * 1024
STDIN = "-"

_GZIP = b"\x1f\x8b"
_BUFFER_BYTES = 1 << 16
_LINES_A_LOOK = 100


class Line(NamedTuple):
    """A line of a file.

    Attributes:
        number: From 1.
        data: Its bytes without the line end; None if it is longer than may be.
        position: About how much of the file has been read, in bytes as they are on disk; 0 where nobody knows.
    """

    number: int
    data: bytes | None
    position: int


def read_lines(path: str, *, limit: int = MAX_LINE_BYTES) -> Iterator[Line]:
    """Yield the lines that are not blank. Blocks on the file or, for ``-``, on standard input.

    Whether it is compressed is told by its first bytes, not by its name.

    Args:
        path: The file; ``-`` for standard input.
        limit: Longest line in bytes.

    Raises:
        UserError: If the file can't be opened or read, or is a broken gzip file.
    """
    number = 0
    try:
        with _open(path) as raw:
            compressed = raw.peek(2)[:2] == _GZIP
            text: IO[bytes] = BufferedReader(gzip.GzipFile(fileobj=raw), _BUFFER_BYTES) if compressed else raw
            for line in _lines(text, raw, limit):
                number = line.number
                yield line
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path} is a broken gzip file: nothing can be read after line {number}") from error
    except OSError as error:
        raise UserError(f"can't read {path}: {error.strerror or error}") from error


def _open(path: str) -> AbstractContextManager[BufferedReader]:
    if path != STDIN:
        return Path(path).open("rb")
    assert isinstance(sys.stdin.buffer, BufferedReader)
    return nullcontext(sys.stdin.buffer)  # left open: it is not ours


def _lines(text: IO[bytes], raw: BufferedReader, limit: int) -> Iterator[Line]:
    number = position = 0
    seekable = raw.seekable()
    while data := text.readline(limit + 1):
        number += 1
        fits = len(data) <= limit or data.endswith(b"\n")
        while not fits and (rest := text.readline(limit)) and not rest.endswith(b"\n"):
            continue  # what is left of it is read, and kept nowhere
        if seekable and number % _LINES_A_LOOK == 0:
            position = raw.tell()  # asks the system
        if not fits or data.strip():
            yield Line(number, data.rstrip(b"\r\n") if fits else None, position)
