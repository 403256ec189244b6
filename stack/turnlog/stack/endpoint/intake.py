"""From a request's body to a statement and its data: the data goes to disk, the statement's text to memory."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from turnlog.stack.endpoint.errors import Code, ServerError
from turnlog.stack.endpoint.spool import Spool
from turnlog.stack.endpoint.sql import Insert, find_insert, is_insert

# An INSERT's clauses must end within this many bytes, ClickHouse's default max_query_size.
_HEAD_LIMIT: Final = 256 << 10
_QUERY_LIMIT: Final = 256 << 20


class Intake:
    """Takes the text of a query, which an INSERT's data may follow, piece by piece.

    ClickHouse joins the URL's query and the body by a newline; so does this. :meth:`feed` blocks on the disk once an
    INSERT's data has begun.
    """

    def __init__(self, query: bytes, directory: Path) -> None:
        self._text = bytearray(query + b"\n" if query else b"")
        self._directory = directory
        self._looked_at = 0
        self.insert: Insert | None = None
        self.data: Spool | None = None

    @property
    def text(self) -> bytes:
        """The statement, without an INSERT's data."""
        return bytes(self._text)

    def feed(self, piece: bytes) -> None:
        """Take a piece of the body.

        Raises:
            ServerError: a query that is not an INSERT is too long.
        """
        if self.data is not None:
            self.data.write(piece)
            return
        self._text += piece
        # Looking again at each doubling keeps a slow trickle from costing quadratic time.
        if len(self._text) >= 2 * self._looked_at and self._looked_at < _HEAD_LIMIT:
            self._looked_at = len(self._text)
            self._look(complete=False)
        if self.data is None and len(self._text) > _QUERY_LIMIT:
            raise ServerError(Code.QUERY_IS_TOO_LARGE, f"Query is longer than {_QUERY_LIMIT} bytes")

    def finish(self) -> None:
        """Say that the body has ended."""
        if self.data is None:
            self._look(complete=True)

    def close(self) -> None:
        """Give up the data."""
        if self.data is not None:
            self.data.close()

    def _look(self, *, complete: bool) -> None:
        head = bytes(self._text[:_HEAD_LIMIT])
        if not is_insert(head):
            return
        complete = complete or len(head) == _HEAD_LIMIT
        self.insert = find_insert(head, complete=complete)
        if self.insert is not None:
            self.data = Spool(self._directory)
            self.data.write(bytes(self._text[self.insert.data_at :]))
            del self._text[self.insert.data_at :]
