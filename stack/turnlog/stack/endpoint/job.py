"""One statement on one handle: how its text is changed for the engine, and its run; blocking, in a worker thread."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from turnlog.stack.endpoint import native
from turnlog.stack.endpoint.engine import Handle
from turnlog.stack.endpoint.errors import ServerError
from turnlog.stack.endpoint.spool import Spool
from turnlog.stack.endpoint.sql import Insert, Statement, quote, quote_name
from turnlog.stack.endpoint.summary import Summary

Describe = Callable[[bytes, Mapping[str, str]], Mapping[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class ExternalTable:
    """A table that came with the request."""

    name: str
    structure: str
    format: str
    data: Spool


@dataclass(slots=True)
class Job:
    """What to run.

    Attributes:
        text: the statement, or an INSERT's head.
        statement: its clauses, when it is not an INSERT with data.
        insert: the places in ``text``, when it is one.
        data: the rows of the INSERT.
        output_format: of the result.
        revision: the client's protocol revision, which Native output depends on.
        marker: a text by which the engine's list of processes tells this statement from others.
    """

    text: bytes
    statement: Statement | None
    insert: Insert | None
    data: Spool | None
    output_format: str
    bindings: Mapping[str, str]
    external: Sequence[ExternalTable] = ()
    revision: int = 0
    marker: str = ""
    summary: Summary = field(default_factory=Summary)

    @property
    def has_result(self) -> bool:
        """Whether an answer carries rows rather than nothing."""
        return self.statement is not None and self.statement.kind in _WITH_RESULT

    @property
    def only_reads(self) -> bool:
        """Whether nothing changes by it, so that nobody misses it when its client has gone."""
        return self.has_result and self.statement is not None and self.statement.kind not in _ACTING

    def close(self) -> None:
        """Give back the disk space of its data."""
        if self.data is not None:
            self.data.close()
        for table in self.external:
            table.data.close()


_ACTING: Final = frozenset({"KILL", "BACKUP", "RESTORE"})
_WITH_RESULT: Final = _ACTING | {"SELECT", "SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN", "CHECK", "VALUES"}


def run(handle: Handle, job: Job, sink: int, describe: Describe) -> None:
    """Run a job, writing its result to the descriptor ``sink``; counts go to the job's summary.

    ``describe`` finds a query's columns with time zones by means of another handle, while this one is busy.

    Raises:
        ServerError: the engine refused it, perhaps after a part of the result.
        BrokenPipeError: nobody reads the other end any more.
    """
    for table in job.external:
        _load(handle, table)
    try:
        if job.insert is not None:
            _insert(handle, job, job.insert)
        elif job.statement is not None and job.statement.kind == "SELECT":
            if job.output_format == "Native":
                _stream_blocks(handle, job, job.statement, sink, describe)
            else:
                _select(handle, job, job.statement, sink)
        else:
            result = handle.run(job.text + _comment(job), job.output_format, job.bindings)
            job.summary.add(result)
            # The engine streams SELECTs only; what other statements say fits into one block.
            data = result.bytes()
            native_output = job.output_format == "Native" and data
            write_all(sink, native.block_info(job.revision) + data if native_output else data)
    except ServerError as error:
        raise ServerError(error.code, error.text.replace(_comment(job).decode(), ""), error.name) from None
    finally:
        for table in job.external:
            handle.run(f"DROP TEMPORARY TABLE IF EXISTS {quote_name(table.name)}")


def write_all(sink: int, data: bytes) -> None:
    """Write all of ``data``; blocks while the pipe is full."""
    view = memoryview(data)
    while view:
        view = view[os.write(sink, view) :]


def _comment(job: Job) -> bytes:
    return f"\n/* {job.marker} */".encode() if job.marker else b""


def _load(handle: Handle, table: ExternalTable) -> None:
    name = quote_name(table.name)
    handle.run(f"CREATE TEMPORARY TABLE {name} ({table.structure}) ENGINE = Memory")
    if table.data.size:
        handle.run(f"INSERT INTO {name} FROM INFILE {quote(table.data.path)} FORMAT {table.format}")


def _insert(handle: Handle, job: Job, insert: Insert) -> None:
    assert job.data is not None
    path = quote(job.data.path)
    if insert.input_at is not None:
        start, end = insert.input_at
        structure = job.text[start:end].partition(b"(")[2]
        source = f"file({path}, {quote(insert.format)}, ".encode() + structure
        text = job.text[:start] + source + job.text[end : insert.source_at] + insert.clauses
    else:
        source = f" FROM INFILE {path} ".encode()
        text = job.text[: insert.source_at] + source + insert.clauses + f" FORMAT {insert.format}".encode()
    if not job.data.size:
        # The engine would call an empty file's missing header an error; ClickHouse inserts nothing.
        return
    job.summary.add(handle.run(text + _comment(job), "Null", job.bindings), insert=True)


def _select(handle: Handle, job: Job, statement: Statement, sink: int) -> None:
    target = f"\nINTO OUTFILE '/dev/fd/{sink}' APPEND ".encode()
    head, tail = statement.text[: statement.format_at], statement.text[statement.format_at :]
    if statement.format is None:
        tail = f"FORMAT {job.output_format}".encode()
    job.summary.add(handle.run(head + target + tail + _comment(job), "Null", job.bindings))


def _stream_blocks(handle: Handle, job: Job, statement: Statement, sink: int, describe: Describe) -> None:
    prefix = native.block_info(job.revision)
    zones: Mapping[bytes, bytes] | None = None
    stream = handle.stream(job.text + _comment(job), "Native", job.bindings)
    try:
        while (block := stream.fetch()) is not None:
            job.summary.add(block)
            data = block.bytes()
            if zones is None and native.may_lack_zones(data, job.revision):
                zones = describe(statement.text[: statement.format_at], job.bindings)
            write_all(sink, prefix + (native.with_zones(data, zones) if zones else data))
    finally:
        stream.cancel()


def zoned_columns(handle: Handle, query: bytes, bindings: Mapping[str, str]) -> Mapping[bytes, bytes]:
    """The columns of a SELECT's result that have a time zone, with their types; none when it cannot be described."""
    try:
        rows = handle.run(b"DESCRIBE TABLE (" + query + b"\n)", "RowBinary", bindings).bytes()
    except ServerError:
        return {}
    return native.zoned(rows)
