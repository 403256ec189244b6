from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from turnlog.schemas import load, released
from turnlog.sinks.batch import Batch, Item, Limits, cut
from turnlog.sinks.seal import Marks, Position
from turnlog.sinks.splice import Row

PLACE = ("chat.calls", 2, "calls")
NEW = load("ModelCall")
OLD = released()[1]["ModelCall"]


def item(offset: int, source: int | None = None, *, old: bool = False, size: int = 10) -> Item:
    row = Row(offset, b"x" * size, 0, 2, source or 0, 0)
    mark = None if source is None else "raw.calls:2"
    return Item(row, OLD if old else NEW, mark, source or 0, None, None, None, 0, offset, size)


def tombstone(offset: int) -> Item:
    return Item(None, None, None, 0, None, None, None, 0, offset, 0)


def offsets(batch: Batch) -> list[int]:
    return [each.offset for each in batch.items]


def test_it_ends_at_the_row_limit() -> None:
    batch = cut([item(n) for n in range(10)], {}, PLACE, 0, limits=Limits(rows=4))
    assert offsets(batch) == [0, 1, 2, 3]
    assert (batch.seal.first, batch.seal.last, batch.taken) == (0, 3, 4)


def test_it_ends_at_the_size_limit_but_never_without_a_message() -> None:
    batch = cut([item(0, size=100), item(1, size=10)], {}, PLACE, 0, limits=Limits(size=50))
    assert offsets(batch) == [0]
    assert offsets(cut([item(n) for n in range(9)], {}, PLACE, 0, limits=Limits(size=35))) == [0, 1, 2]


def test_it_ends_where_the_schema_changes() -> None:
    batch = cut([item(0), item(1), item(2, old=True)], {}, PLACE, 0, limits=Limits())
    assert offsets(batch) == [0, 1]
    assert batch.seal.schema == NEW.fingerprint.hex()


def test_tombstones_and_holes_are_covered() -> None:
    batch = cut([tombstone(3), item(7), tombstone(9)], {}, PLACE, 0, limits=Limits())
    assert offsets(batch) == [7]
    assert (batch.seal.first, batch.seal.last, batch.taken) == (0, 9, 3)


def test_what_is_not_above_its_mark_is_left_out_and_marks_before_stay() -> None:
    marks: Marks = {"raw.calls:2": 5}
    batch = cut([item(20, 5), item(21, 6), item(22, 6), item(23, 7)], marks, PLACE, 20, limits=Limits())
    assert offsets(batch) == [21, 23]
    assert (batch.before, batch.after) == ({"raw.calls:2": 5}, {"raw.calls:2": 7})
    assert marks == {"raw.calls:2": 5}


def test_a_record_whose_schema_was_unknown_when_sealed_stays_a_dead_letter() -> None:
    pending = Position({}, 2, "calls", NEW.fingerprint.hex())
    batch = cut([item(0), item(1, old=True), item(2), item(3)], {}, PLACE, 0, pending=pending)
    assert offsets(batch) == [0, 2]
    assert [each.source.offset for each in batch.letters] == [1]
    assert batch.seal.last == 2


@given(
    st.lists(st.tuples(st.integers(0, 30), st.booleans(), st.integers(1, 20), st.booleans()), max_size=60),
    st.integers(1, 10),
    st.integers(1, 60),
)
def test_a_batch_is_rebuilt_exactly_from_its_seal(
    messages: list[tuple[int, bool, int, bool]], rows: int, size: int
) -> None:
    items = [
        item(2 * n, source, old=old, size=bytes_) if live else tombstone(2 * n)
        for n, (source, old, bytes_, live) in enumerate(messages)
    ]
    marks: Marks = {}
    first = 0
    stored: list[int] = []
    while items:
        batch = cut(items, marks, PLACE, first, limits=Limits(rows, size))
        assert batch.taken
        pending = Position(batch.before, batch.seal.last, batch.seal.table, batch.seal.schema)
        again = cut(items, dict(pending.marks), PLACE, first, pending=pending)
        assert again == batch
        stored += [each.mark_offset for each in batch.items]
        items, marks, first = items[batch.taken :], batch.after, batch.seal.last + 1
    assert stored == sorted(set(stored))
