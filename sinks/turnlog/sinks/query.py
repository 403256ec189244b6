"""Asks ClickHouse over HTTP, in any of its formats, as a stream: what exports and the commands that show things need.

For loading there is another client; this one keeps a query's text as it is, FORMAT clause and all, and tells which
format the server chose.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError

from turnlog.schemas import UserError
from turnlog.sinks.address import Address

ROWS = "JSONCompactEachRowWithNamesAndTypes"

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 300.0
_CHUNK = 1 << 16
_CODE = re.compile(r"Code: (\d+)")
_EXPECTED = re.compile(r" Expected one of: (?=.{120}).*\.(?= \([A-Z_]+\)$)")  # of half the grammar
_TAIL = re.compile(r"\s*\(version [^()]*(\([^()]*\))?[^()]*\)\s*$")


class QueryError(UserError):
    """ClickHouse refused or could not finish a query.

    Attributes:
        code: ClickHouse's number of the error; 0 where it gave none.
    """

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class ServerAwayError(UserError):
    """Nothing answers where ClickHouse should be; to start it is up to the user."""


class Answer(AbstractContextManager["Answer"]):
    """A result on its way. Close it, or use it as a context.

    Attributes:
        format: ClickHouse's name of the format that the bytes are in; empty if there is no result.
    """

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response
        self.format = response.headers.get("X-ClickHouse-Format", "")
        self._mark = response.headers.get("X-ClickHouse-Exception-Tag", "").encode()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the connection; a query still running is cancelled by that."""
        self._response.close()

    def chunks(self) -> Iterator[bytes]:
        """Yield the result's bytes as they come; blocks on the network.

        Raises:
            QueryError: If the query failed after its first rows.
            ServerAwayError: If the server went away.
        """
        block = b"\r\n__exception__\r\n" + self._mark if self._mark else b""
        held = b""
        try:
            for chunk in self._response.stream(_CHUNK):
                held += chunk
                start = held.find(block) if block else -1
                if start >= 0:
                    yield held[:start]
                    raise _query_error(_of_block(held[start + len(block) :] + self._response.read()))
                cut = len(held) - len(block) if block else len(held)
                if cut > 0:
                    yield held[:cut]
                    held = held[cut:]
        except HTTPError as error:
            raise ServerAwayError("ClickHouse went away in the middle of its answer") from error
        yield held

    def lines(self) -> Iterator[bytes]:
        """Yield the result line by line, without line ends; blocks and raises as :meth:`chunks` does."""
        rest = b""
        for chunk in self.chunks():
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole
        if rest:
            yield rest


@dataclass(frozen=True)
class Result:
    """A result that was read whole.

    Attributes:
        columns: Names of the columns.
        types: ClickHouse's types of them.
        rows: Values as JSON has them; integers of 64 bits as integers.
    """

    columns: Sequence[str]
    types: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def dicts(self) -> list[dict[str, Any]]:
        """Return each row by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


class ClickHouse:
    """A ClickHouse server reached by HTTP.

    Args:
        url: ``http(s)://[user:password@]host[:port][/database]``; without a database it is ``turnlog``.

    Raises:
        SettingError: If the URL can't be one.
    """

    def __init__(self, url: str) -> None:
        self.address = Address.parse(url)
        self._headers = {}
        if self.address.username:
            self._headers["X-ClickHouse-User"] = self.address.username
            self._headers["X-ClickHouse-Key"] = self.address.password
        host = f"[{self.address.host}]" if ":" in self.address.host else self.address.host
        self._base = f"http{'s' if self.address.secure else ''}://{host}:{self.address.port}/"
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS), retries=False
        )

    def stream(
        self,
        query: str,
        *,
        fmt: str = ROWS,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> Answer:
        """Run a query; blocks until its first rows are there.

        Args:
            query: One statement; a FORMAT clause in it wins over `fmt`.
            fmt: The format of the result.
            parameters: Values of the query's ``{name:Type}``.
            settings: ClickHouse's settings for this query.

        Raises:
            QueryError: If ClickHouse refuses it.
            ServerAwayError: If nothing answers.
        """
        fields = {
            "database": self.address.database,
            "default_format": fmt,
            **{name: str(value) for name, value in (settings or {}).items()},
            **{f"param_{name}": str(value) for name, value in (parameters or {}).items()},
        }
        try:
            response = self._pool.urlopen(
                "POST",
                f"{self._base}?{urlencode(fields)}",
                body=query.encode("utf-8", "surrogateescape"),
                headers=self._headers,
                preload_content=False,
            )
            if response.status != 200:
                raise _query_error(response.read().decode("utf-8", "replace"), response.headers)
        except HTTPError as error:
            refused = isinstance(error, NewConnectionError)
            why = "nothing listens there" if refused else type(error).__name__
            raise ServerAwayError(
                f"ClickHouse does not answer at {self.address} ({why}): start a stack by `turnlog up`"
            ) from error
        return Answer(response)

    def rows(self, query: str, parameters: Mapping[str, object] | None = None) -> Result:
        """Run a query without a FORMAT clause and return all of its result; raises and blocks as :meth:`stream`."""
        exact = {"output_format_json_quote_64bit_integers": 0}
        with self.stream(query, parameters=parameters, settings=exact) as answer:
            lines = [json.loads(line) for line in answer.lines()]
        return Result(lines[0], lines[1], lines[2:]) if lines else Result((), (), ())


def _of_block(block: bytes) -> str:
    """The message in what ends a body whose query failed: between line ends, then its size and the mark again."""
    return block.strip().rsplit(b"\n", 2)[0].decode("utf-8", "replace")


def _query_error(text: str, headers: Mapping[str, str] | None = None) -> QueryError:
    message = _EXPECTED.sub("", _TAIL.sub("", " ".join(text.split())))
    code = (headers or {}).get("X-ClickHouse-Exception-Code", "")
    found = _CODE.search(message)
    number = int(code) if code.isdigit() else int(found.group(1)) if found else 0
    return QueryError(f"ClickHouse says: {message or 'no, without a reason'}", number)
