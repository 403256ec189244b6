from __future__ import annotations

import pytest

from turnlog.sinks.errors import PositionError
from turnlog.sinks.seal import MAX_METADATA_BYTES, Marks, Position, Seal, is_new


def test_a_token_names_topic_partition_and_both_ends() -> None:
    seal = Seal("chat.calls", 3, 100, 199, "calls", "ab")
    assert seal.token == "chat.calls:3:100-199"
    assert seal.token_of(100, 149) == "chat.calls:3:100-199/100-149"


def test_marks_pass_what_lies_above_them_once() -> None:
    marks: Marks = {}
    assert [is_new(marks, "raw:0", offset) for offset in (5, 6, 5, 6, 7)] == [True, True, False, False, True]
    assert is_new(marks, "raw:1", 5)
    assert marks == {"raw:0": 7, "raw:1": 5}


@pytest.mark.parametrize("position", [Position(), Position({"a:0": 4}), Position({"a:0": 4}, 9, "calls", "beef")])
def test_positions_come_back_from_their_metadata(position: Position) -> None:
    assert Position.parse(position.to_metadata()) == position


@pytest.mark.parametrize("metadata", [None, ""])
def test_no_metadata_is_the_start(metadata: str | None) -> None:
    assert Position.parse(metadata) == Position()


@pytest.mark.parametrize(
    "metadata", ["x", "{}", "[]", '{"v":2,"marks":{}}', '{"v":1,"marks":[1]}', '{"v":1,"marks":{},"last":1}']
)
def test_foreign_metadata_is_refused(metadata: str) -> None:
    with pytest.raises(PositionError):
        Position.parse(metadata)


def test_metadata_fits_the_broker_and_loses_the_stalest_marks_first() -> None:
    marks: Marks = {f"sink:chat.raw.somewhat-long-{number}:0": number for number in range(300)}
    assert is_new(marks, "sink:chat.raw.somewhat-long-0:0", 999)
    text = Position(marks, 10, "calls", "beef").to_metadata()
    assert len(text) <= MAX_METADATA_BYTES
    kept = Position.parse(text).marks
    assert kept["sink:chat.raw.somewhat-long-0:0"] == 999
    assert "sink:chat.raw.somewhat-long-1:0" not in kept
    assert "sink:chat.raw.somewhat-long-299:0" in kept
