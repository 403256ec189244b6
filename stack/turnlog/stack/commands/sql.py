"""`turnlog sql`: asks the pipeline's tables."""

import re
import sys
from contextlib import nullcontext
from itertools import takewhile
from typing import Annotated

import typer
from rich.console import Console

from turnlog.schemas import UserError
from turnlog.sinks.query import ClickHouse
from turnlog.stack.acts import recorded
from turnlog.stack.commands.options import DataOption
from turnlog.stack.rowtable import STRINGS, print_table
from turnlog.stack.servers import resolve

_MOST_ROWS = 10_000


def register(app: typer.Typer) -> None:
    """Put the command on the application."""
    app.command()(sql)


def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="One statement; - reads it from standard input.")],
    *,
    fmt: Annotated[
        str | None,
        typer.Option("--format", "-f", metavar="FORMAT", help="Print a ClickHouse format as it comes: CSV, JSON …"),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", metavar="NAME=VALUE", help="A value for {NAME:Type} in the query."),
    ] = None,
    width: Annotated[int, typer.Option(min=4, help="Cut texts in tables at this many characters.")] = 100,
    data: DataOption = None,
) -> None:
    """Ask ClickHouse and print a table, or any format of ClickHouse's.

    A statement that changes something goes on the audit trail: what it does and to what, and no values.
    """
    text = sys.stdin.read() if query == "-" else query
    if not text.strip():
        raise UserError("the query is empty")
    parameters = dict(_parameter(each) for each in parameter or ())
    server = ClickHouse(resolve(data).clickhouse)
    change = change_in(text)
    with (
        nullcontext() if change is None else recorded("sql", change, data=data),
        server.stream(text, fmt=fmt or STRINGS, parameters=parameters) as answer,
    ):
        if fmt is None and answer.format == STRINGS:
            print_table(answer, Console(), most=_MOST_ROWS, width=width)
            return
        for chunk in answer.chunks():
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


def change_in(query: str) -> str | None:
    """Return what a statement changes, in its first words, such as ``ALTER TABLE calls``; None if it only asks."""
    words = _COMMENT.sub(" ", query).split(maxsplit=5)
    if not words or words[0].upper() not in _CHANGING:
        return None
    # Up to the first word that could be a value.
    return " ".join(takewhile(_NAME.fullmatch, words[:4]))


_CHANGE_WORDS = (
    "ALTER ATTACH BACKUP CREATE DELETE DETACH DROP EXCHANGE GRANT INSERT KILL MOVE OPTIMIZE RENAME REPLACE RESTORE"
    " REVOKE SYSTEM TRUNCATE UNDROP UPDATE"
)
_CHANGING = frozenset(_CHANGE_WORDS.split())
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_`][A-Za-z0-9_.`]{0,100}")


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise UserError(f"--param {text!r}: give NAME=VALUE")
    return name, value
