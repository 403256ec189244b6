"""An exported chain is proved where no server is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from turnlog.schemas import Datum, UserError
from turnlog.sinks.audit import Act, lines_of, link, read_lines
from turnlog.stack.cli import run


def chain(length: int) -> list[Datum]:
    events: list[Datum] = []
    for number in range(length):
        act = Act("ann", "a", f"r\u2028{number}", tenant="t", attributes={"größe": "ü\n"})
        events.append(link(act.datum(), events[-1] if events else None))
    return events


def test_what_is_written_is_read(tmp_path: Path) -> None:
    (tmp_path / "trail").write_text("".join(lines_of(chain(3))), "utf-8")
    assert read_lines(tmp_path / "trail") == read_lines(tmp_path / "trail")
    assert [each["chain_number"] for each in read_lines(tmp_path / "trail")] == [1, 2, 3]


def test_tampering_with_a_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = chain(6)
    swapped = [*events]
    swapped[1], swapped[4] = swapped[4], swapped[1]
    cases: list[tuple[list[Datum], str]] = [
        (events, "6 events, whole"),
        ([*events[:2], {**events[2], "actor": "bob"}, *events[3:]], "event 3 ({id}) was altered"),
        ([*events[:2], *events[3:]], "event 3 is missing"),
        (swapped, "was swapped with event 5"),
    ]
    for lines, said in cases:
        (tmp_path / "trail").write_text("".join(lines_of(lines)), "utf-8")
        code = run(["audit", "verify", "--file", str(tmp_path / "trail")])
        assert said.format(id=events[2]["event_id"]) in capsys.readouterr().out
        assert code == (0 if lines is events else 1)


def test_a_chain_of_nobody_is_not_said_to_be_whole(tmp_path: Path) -> None:
    (tmp_path / "trail").write_text("".join(lines_of(chain(2))), "utf-8")
    assert run(["audit", "verify", "--file", str(tmp_path / "trail"), "--tenant", "typo"]) == 2
    assert run(["audit", "verify", "--file", str(tmp_path / "trail"), "--tenant", "t"]) == 0


@pytest.mark.parametrize(
    "change",
    [{"chain_number": "3"}, {"chain_number": True}, {"hash": None}, {"previous_hash": 1}, {"tenant_id": 5}, None],
)
def test_what_is_no_event_is_told_by_its_line(tmp_path: Path, change: dict[str, Any] | None) -> None:
    first, second = chain(2)
    broken = "{" if change is None else json.dumps({**second, **change})
    (tmp_path / "trail").write_text("".join(lines_of([first])) + broken, "utf-8")
    with pytest.raises(UserError, match="line 2"):
        read_lines(tmp_path / "trail")
    with pytest.raises(UserError, match="can't read"):
        read_lines(tmp_path / "nothing")
