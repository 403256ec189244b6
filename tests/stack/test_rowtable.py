"""Query results as tables."""

import io
import json
from collections.abc import Iterator

import pytest
from rich.console import Console

from turnlog.sinks.query import Answer
from turnlog.stack.rowtable import parse_rows, print_table, table_of


class _Rows(Answer):
    def __init__(self, *rows: object) -> None:
        self._rows = rows

    def lines(self) -> Iterator[bytes]:
        return (json.dumps(row).encode() for row in self._rows)


def _printed(*rows: object, most: int = 100, width: int = 100) -> list[str]:
    out = io.StringIO()
    print_table(_Rows(*rows), Console(file=out, width=20), most=most, width=width)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_numbers_stand_right_and_what_is_null_says_so() -> None:
    lines = _printed(["name", "n"], ["LowCardinality(String)", "Nullable(UInt64)"], ["a", "1"], ["bcd", "ᴺᵁᴸᴸ"])
    assert lines == ["name     n", "a        1", "bcd   NULL"]


def test_beside_a_terminal_columns_are_as_wide_as_they_need_and_brackets_are_text() -> None:
    text = "[red]" + "x" * 60
    assert text in _printed(["t"], ["String"], [text])[1]


def test_wide_texts_are_cut_and_stay_on_their_line() -> None:
    assert _printed(["t"], ["String"], ["one\ntwo three"], width=8)[1] == "one two…"


def test_more_rows_than_a_table_takes_are_named() -> None:
    lines = _printed(["n"], ["UInt8"], ["1"], ["2"], ["3"], most=2)
    assert lines[1:3] == ["1", "2"]
    assert "more than 2 rows" in lines[3]


def test_no_result_prints_nothing() -> None:
    assert _printed() == []
    assert parse_rows([])[0] == []


@pytest.mark.parametrize("kind", ["Int8", "Nullable(Decimal(18, 9))", "Float64"])
def test_kinds_of_numbers(kind: str) -> None:
    assert table_of(["n"], [kind], []).columns[0].justify == "right"
