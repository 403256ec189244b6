"""A query's result as a table for people to read."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from rich.console import Console
from rich.table import Table
from rich.text import Text

from turnlog.sinks.query import Answer
from turnlog.stack.printable import one_line

STRINGS = "JSONCompactStringsEachRowWithNamesAndTypes"
"""The format that tables are made of: every value as ClickHouse writes it."""

_NULL = "ᴺᵁᴸᴸ"
_ENDLESS = 1_000_000
_NUMBERS = ("Int", "UInt", "Float", "Decimal", "BFloat")


def parse_rows(lines: Iterable[bytes]) -> tuple[list[str], list[str], Iterator[list[str]]]:
    """Take a result in the format :data:`STRINGS` apart: names, types, and the rows as they come."""
    rows = (json.loads(line) for line in lines)
    return next(rows, []), next(rows, []), rows


def table_of(
    names: Sequence[str],
    types: Sequence[str],
    rows: Iterable[Sequence[str | None]],
    *,
    width: int = 100,
    title: str | None = None,
) -> Table:
    """Lay rows out, a line each: numbers to the right, texts on one line and cut at `width` characters."""
    table = Table(box=None, pad_edge=False, title=title, title_justify="left", title_style="bold", header_style="bold")
    for name, kind in zip(names, types, strict=True):
        bare = kind.removeprefix("LowCardinality(").removeprefix("Nullable(")
        right = bare.startswith(_NUMBERS)
        table.add_column(
            Text(one_line(name, width)), justify="right" if right else "left", no_wrap=True, overflow="ellipsis"
        )
    for row in rows:
        # Text, not str: what stands in brackets in a log line is no markup.
        table.add_row(
            *(
                Text("NULL", style="dim") if value is None or value == _NULL else Text(one_line(value, width))
                for value in row
            )
        )
    return table


def print_whole(table: Table, console: Console) -> None:
    """Print a table; to anything but a terminal as wide as it needs."""
    if console.is_terminal:
        console.print(table)
        return
    width = max(80, console.measure(table, options=console.options.update(width=_ENDLESS)).maximum)
    Console(file=console.file, width=width, color_system=None).print(table)


def print_table(answer: Answer, console: Console, *, most: int, width: int) -> int:
    """Print a result in the format :data:`STRINGS`; blocks until all of it, or `most` rows of it, has come.

    Args:
        answer: The result.
        console: Where to print. To anything but a terminal, columns are as wide as they need.
        most: Rows to print at most; the query is cancelled after them, and a line says so.
        width: Where texts are cut.

    Returns:
        How many rows were printed.

    Raises:
        QueryError: If the query failed after its first rows.
    """
    names, types, rows = parse_rows(answer.lines())
    if not names:
        return 0
    shown = list(islice(rows, most))
    more = next(rows, None) is not None
    table = table_of(names, types, shown, width=width)
    print_whole(table, console)
    if more:
        console.print(f"… more than {most} rows: add a LIMIT, or see all by --format", highlight=False, soft_wrap=True)
    return len(shown)
