"""`turnlog sql`: asks the pipeline's tables."""

import sys
from typing import Annotated

import typer
from rich.console import Console

from turnlog.schemas import UserError
from turnlog.stack.commands.options import DataOption
from turnlog.stack.query import ClickHouse
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
    """Ask ClickHouse and print a table, or any format of ClickHouse's."""
    text = sys.stdin.read() if query == "-" else query
    if not text.strip():
        raise UserError("the query is empty")
    parameters = dict(_parameter(each) for each in parameter or ())
    server = ClickHouse(resolve(data).clickhouse)
    with server.stream(text, fmt=fmt or STRINGS, parameters=parameters) as answer:
        if fmt is None and answer.format == STRINGS:
            print_table(answer, Console(), most=_MOST_ROWS, width=width)
            return
        for chunk in answer.chunks():
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise UserError(f"--param {text!r}: give NAME=VALUE")
    return name, value
