from __future__ import annotations

from turnlog.schemas import load
from turnlog.sinks.batch import Batch, Item, Limits
from turnlog.sinks.lane import Lane, Phase
from turnlog.sinks.routes import ROUTES
from turnlog.sinks.seal import Position
from turnlog.sinks.splice import Row

CALL = load("ModelCall")


def item(offset: int) -> Item:
    return Item(Row(offset, b"x", 0, 0, offset, 0), CALL, "raw:0", offset, None, None, None, 0, offset, 10)


def lane(position: Position | None = None, offset: int | None = None, rows: int = 100) -> Lane:
    return Lane(ROUTES["calls"], "chat.calls", 0, position or Position(), offset, limits=Limits(rows, 1000), linger=1.0)


def cut_if_due(it: Lane, now: float) -> None:
    if it.is_due(now):
        it.cut()


def batch_of(it: Lane) -> Batch | None:
    """Its batch, which a call may change: a type checker believes otherwise of an attribute."""
    return it.batch


def phase(it: Lane) -> Phase:
    """Its phase, likewise."""
    return it.phase


def test_it_lingers_then_seals_stores_and_commits() -> None:
    it = lane()
    it.offer(item(5), now=0.0)
    it.offer(item(6), now=0.9)
    cut_if_due(it, 0.9)
    assert it.batch is None
    cut_if_due(it, 1.0)
    assert phase(it) is Phase.CUT
    cut = batch_of(it)
    assert cut is not None
    assert (cut.seal.first, cut.seal.last, it.size) == (5, 6, 0)
    assert it.first == 5
    assert it.sealed().last == 6
    it.phase = Phase.STORING
    it.stored(2.0)
    assert (it.first, it.marks, it.phase) == (7, {"raw:0": 6}, Phase.GATHERING)
    assert not it.owes_commit(2.1, 0.5)
    assert it.owes_commit(2.5, 0.5)
    it.committed()
    assert not it.owes_commit(9.0, 0.5)


def test_a_full_batch_does_not_linger() -> None:
    it = lane(rows=2)
    for offset in range(3):
        it.offer(item(offset), now=0.0)
    cut_if_due(it, 0.0)
    assert it.batch is not None
    assert len(it.batch.items) == 2
    assert it.rows == 1


def test_one_batch_at_a_time() -> None:
    it = lane(rows=1)
    it.offer(item(0), 0.0)
    cut_if_due(it, 0.0)
    first = it.batch
    it.offer(item(1), 0.0)
    cut_if_due(it, 9.0)
    assert it.batch is first


def test_what_was_read_before_is_passed_over_and_holes_are_counted() -> None:
    it = lane(offset=10)
    assert it.offer(item(13), 0.0) == 3
    assert it.offer(item(13), 0.0) == 0
    assert it.offer(item(12), 0.0) == 0
    assert it.rows == 1


def test_a_pending_seal_waits_for_its_last_offset_and_needs_no_commit() -> None:
    pending = Position({"raw:0": 2}, 6, "calls", CALL.fingerprint.hex())
    it = lane(pending, offset=2)
    for offset in range(2, 6):
        it.offer(item(offset), 0.0)
    cut_if_due(it, 99.0)
    assert batch_of(it) is None
    it.offer(item(6), 0.0)
    it.offer(item(7), 0.0)
    cut_if_due(it, 99.0)
    assert phase(it) is Phase.SEALED
    again = batch_of(it)
    assert again is not None
    assert again.seal.token == "chat.calls:0:2-6"
    assert [each.offset for each in again.items] == [3, 4, 5, 6]
    it.stored(99.0)
    cut_if_due(it, 99.0)
    assert it.batch is not None
    assert it.batch.seal.first == 7


def test_a_pending_seal_of_messages_that_are_gone_ends_at_the_end_of_the_partition() -> None:
    it = lane(Position({}, 6, "calls", CALL.fingerprint.hex()), offset=2)
    assert it.offer(item(4), 0.0) == 2
    it.reached_end(5, 0.0)
    cut_if_due(it, 0.0)
    assert it.batch is not None
    assert [each.offset for each in it.batch.items] == [4]
    assert it.batch.seal.token == "chat.calls:0:2-6"
    it.stored(0.0)
    assert it.first == 7


def test_it_asks_for_a_pause_when_two_batches_wait() -> None:
    it = lane(rows=2)
    for offset in range(4):
        assert not it.is_full()
        it.offer(item(offset), 0.0)
    assert it.is_full()
    cut_if_due(it, 0.0)
    assert not it.is_full()
    assert not it.is_low()


def test_ends_of_transactions_take_offsets_that_nobody_waits_for() -> None:
    it = Lane(ROUTES["audit"], "chat.audit", 0, Position(), 5, limits=Limits(10, 1000), linger=1.0)
    assert ROUTES["audit"].holes
    it.offer(item(5), 0.0)
    it.reached_end(7, 0.0)
    assert (it.first, it.next_offset) == (5, 6), "what waits is not passed over"
    cut_if_due(it, 1.0)
    it.stored(1.0)
    assert (it.first, it.next_offset) == (7, 7)
    it.committed()
    it.reached_end(9, 2.0)
    assert (it.first, it.next_offset) == (9, 9)
    assert it.owes_commit(3.0, 0.5)
