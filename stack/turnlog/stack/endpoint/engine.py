"""The one ClickHouse engine of this process, and handles to it."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlencode

import chdb

from turnlog.stack.endpoint.errors import ServerError, StartError
from turnlog.stack.endpoint.sql import quote

# What differs between chDB's session defaults and a server's; and bodies are read, not mapped, so that a large one
# does not fill the process's memory.
_SERVER_LIKE: Final[dict[str, str]] = {"implicit_select": "0", "storage_file_read_method": "pread"}


class Result(Protocol):
    """What the engine says about a finished statement or a piece of a streamed one."""

    def bytes(self) -> bytes:
        """The encoded rows."""

    def rows_read(self) -> int:
        """Rows of the result, or of an INSERT's data."""

    def bytes_read(self) -> int:
        """Bytes of them in memory."""

    def storage_rows_read(self) -> int:
        """Rows read from tables."""

    def storage_bytes_read(self) -> int:
        """Bytes of them in memory."""

    def rows_written(self) -> int:
        """Rows written to tables, those of materialized views included."""

    def bytes_written(self) -> int:
        """Bytes of them in memory."""

    def elapsed(self) -> float:
        """Seconds."""


class Stream:
    """A statement whose blocks are fetched one by one."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def fetch(self) -> Result | None:
        """Wait for the next block; None at the end.

        Raises:
            ServerError: the statement failed.
        """
        try:
            block: Result | None = self._inner.fetch()
        except (RuntimeError, chdb.ChdbError) as error:
            raise ServerError.from_engine(str(error)) from None
        return block

    def cancel(self) -> None:
        """End it early; nothing happens when it has ended."""
        with contextlib.suppress(RuntimeError, chdb.ChdbError):
            self._inner.cancel()


class Handle:
    """A connection with settings, a current database and temporary tables of its own.

    One statement at a time; every method blocks. The engine's threads work without Python's lock, so statements on
    separate handles run in parallel.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.set(_SERVER_LIKE)

    def run(
        self, sql: str | bytes, output_format: str = "TabSeparated", bindings: Mapping[str, str] | None = None
    ) -> Result:
        """Run a statement to its end, its result in memory.

        Raises:
            ServerError: the engine refused it.
        """
        try:
            result: Result = self._connection.query(sql, output_format, params=dict(bindings or {}))
        except (RuntimeError, TypeError, chdb.ChdbError) as error:
            raise ServerError.from_engine(str(error)) from None
        return result

    def stream(self, sql: str | bytes, output_format: str, bindings: Mapping[str, str]) -> Stream:
        """Start a statement whose result arrives block by block, each encoded for itself.

        Raises:
            ServerError: the engine refused it.
        """
        try:
            inner = self._connection.send_query(sql, output_format, params=dict(bindings))
        except (RuntimeError, TypeError, chdb.ChdbError) as error:
            raise ServerError.from_engine(str(error)) from None
        return Stream(inner)

    def set(self, settings: Mapping[str, str]) -> None:
        """Change settings of this handle.

        Raises:
            ServerError: one is unknown or its value wrong; some may have been changed.
        """
        if settings:
            self.run("SET " + ", ".join(f"{_setting(name)} = {quote(value)}" for name, value in settings.items()))

    def unset(self, names: list[str]) -> None:
        """Give settings of this handle their defaults again."""
        if names:
            self.run("SET " + ", ".join(f"{_setting(name)} = DEFAULT" for name in names))
            self.set({name: value for name, value in _SERVER_LIKE.items() if name in names})

    def close(self) -> None:
        """Free what the handle holds; temporary tables go with it."""
        self._connection.close()


def _connect(address: str) -> Any:
    # The package has no annotations.
    return chdb.connect(address)  # type: ignore[no-untyped-call]


class Engine:
    """ClickHouse's engine on one directory. A process can open one only.

    Attributes:
        version: such as ``26.9.2.1``.
        timezone: the engine's default time zone.
    """

    def __init__(self, path: Path, options: Mapping[str, str]) -> None:
        self._address = f"{path}?{urlencode(options)}" if options else str(path)
        _check_free(path)
        try:
            # Kept open: the engine shuts down with its last handle.
            self._keeper = Handle(_connect(self._address))
        except (RuntimeError, ServerError, chdb.ChdbError) as error:
            raise StartError(f"cannot open the ClickHouse engine on {path}: {error}") from None
        text = self._keeper.run("SELECT version(), timezone()").bytes().decode().strip()
        self.version, self.timezone = text.split("\t")

    def handle(self) -> Handle:
        """Open a handle; takes less than a millisecond."""
        return Handle(_connect(self._address))

    def kill(self, marker: str) -> None:
        """Cancel the statements whose text holds ``marker``; returns without waiting for their end."""
        handle = self.handle()
        try:
            pattern = quote(f"%{marker}%")
            handle.run(f"KILL QUERY WHERE query LIKE {pattern} AND query_id != queryID() ASYNC")
        finally:
            handle.close()

    def id_of(self, marker: str) -> str:
        """The engine's own id of the statement whose text holds ``marker``; empty when it has ended."""
        handle = self.handle()
        try:
            pattern = quote(f"%{marker}%")
            query = f"SELECT query_id FROM system.processes WHERE query LIKE {pattern} AND query_id != queryID()"  # noqa: S608 - quoted
            return handle.run(query, "TSVRaw").bytes().decode().strip()
        finally:
            handle.close()

    def close(self) -> None:
        """Shut the engine down; waits for writes under way."""
        self._keeper.close()


def _check_free(path: Path) -> None:
    # Asked before the engine asks in the same way, because it would say so on stderr in words of its own.
    status = path / "status"
    if not status.exists():
        return
    try:
        with status.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise StartError(f"{path} is in use by another process; stop it or choose another --path") from None


def _setting(name: str) -> str:
    if not name.replace("_", "").replace(".", "").isalnum() or not name.isascii():
        raise ServerError(115, f"Unknown setting {quote(name)}", "UNKNOWN_SETTING")
    return name
