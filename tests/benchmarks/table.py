"""What a benchmark returns, and how it is printed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One measured thing.

    Attributes:
        what: What was measured.
        figure: The measurement, with its unit.
        beside: How it compares with another row of the same run; empty where nothing compares.
    """

    what: str
    figure: str
    beside: str = ""


@dataclass(frozen=True)
class Section:
    """A table of measurements.

    Attributes:
        title: What it is about, and under which conditions.
        rows: The measurements.
    """

    title: str
    rows: Sequence[Row]


def show(section: Section, console: Console) -> None:
    """Print a section."""
    table = Table("measured", "figure", "beside", title=section.title, title_justify="left", expand=False)
    for row in section.rows:
        table.add_row(row.what, row.figure, row.beside)
    console.print(table)


def rate(work: Callable[[], int], seconds: float = 1.0, rounds: int = 3) -> float:
    """Return how many items a second `work` does, the best of some rounds; `work` returns how many it did."""
    best = 0.0
    work()
    for _ in range(rounds):
        done, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < seconds / rounds:
            done += work()
        best = max(best, done / spent)
    return best


def thousands(number: float) -> str:
    """Write a rate: 12,345."""
    return f"{number:,.0f}"


def ratio(mine: float, other: float, name: str) -> str:
    """Write a comparison: 0.93 of NAME."""
    return f"{mine / other:.2f} of {name}"
