"""The segment format: what was written is read, whatever happened to the rest of the file."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from turnlog.producers import Message
from turnlog.producers.spool.record import Record, decode_all, encode
from turnlog.producers.spool.state import State, StateFile

numbers = st.integers(0, 2**64 - 1)
headers = st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=40)), max_size=5)
messages = st.builds(Message, st.text(max_size=30), st.binary(max_size=40), st.binary(max_size=300), headers)
records = st.lists(st.builds(Record, numbers, numbers, numbers, numbers, st.integers(0, 255), messages), max_size=8)


@given(records)
def test_records_come_back(written: list[Record]) -> None:
    assert list(decode_all(b"".join(map(encode, written)))) == written


@given(records, st.integers(0, 10_000))
def test_a_torn_tail_costs_the_torn_record_only(written: list[Record], cut: int) -> None:
    parts = [encode(each) for each in written]
    data = b"".join(parts)
    torn = data[: max(0, len(data) - cut)]
    whole, end = 0, 0
    while whole < len(parts) and end + len(parts[whole]) <= len(torn):
        end += len(parts[whole])
        whole += 1
    assert list(decode_all(torn)) == written[:whole]


@given(records, st.data())
def test_damage_costs_the_damaged_records_only(written: list[Record], data: st.DataObject) -> None:
    parts = [encode(each) for each in written]
    whole = bytearray(b"".join(parts))
    if not whole:
        return
    at = data.draw(st.integers(0, len(whole) - 1))
    noise = data.draw(st.binary(min_size=1, max_size=100))
    before = bytes(whole)
    whole[at : at + len(noise)] = noise[: len(whole) - at]
    expected, end = [], 0
    for record, part in zip(written, parts, strict=True):
        if whole[end : end + len(part)] == part:
            expected.append(record)
        end += len(part)
    found = list(decode_all(bytes(whole)))
    assert [each for each in found if each in written] == expected or bytes(whole) == before


@given(st.binary(max_size=300), records)
def test_garbage_in_front_is_passed_over(garbage: bytes, written: list[Record]) -> None:
    assert list(decode_all(garbage + b"".join(map(encode, written))))[-len(written) or 9 :] == written


def test_of_two_states_the_newest_whole_one_counts(tmp_path: Path) -> None:
    path = tmp_path / "state"
    file = StateFile(path)
    assert file.read() == State()
    for turn in range(1, 4):
        file.write(State(turn=turn, numbered=turn * 10, dropped={"too_large": turn}))
    assert file.read() == State(turn=3, numbered=30, dropped={"too_large": 3})
    damaged = bytearray(path.read_bytes())
    damaged[2048 + 12] ^= 1
    path.write_bytes(damaged)
    assert StateFile(path).read() == State(turn=2, numbered=20, dropped={"too_large": 2})
    path.write_bytes(b"\xff" * 5000)
    assert StateFile(path).read() == State()


def test_what_was_in_memory_is_what_is_left() -> None:
    assert State(numbered=100, queue_full=5, settled=60, written=30).crashed == 5
    assert State(numbered=1, settled=2).crashed == 0
