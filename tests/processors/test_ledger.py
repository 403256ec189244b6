from turnlog.processors.ledger import Ledger

A, B = ("t", 0), ("t", 1)


def test_commits_follow_finished_batches_in_order() -> None:
    ledger = Ledger()
    ledger.deliver(A, 9)
    ledger.deliver(A, 19)
    assert ledger.outstanding(A) == 2
    assert not ledger.finish(A, 0, 19), "the one before it is not finished"
    assert ledger.committable() == {}
    assert ledger.finish(A, 0, 9)
    assert ledger.committable() == {A: 10}
    ledger.committed(0, {A: 10})
    assert ledger.committable() == {}
    assert ledger.finish(A, 0, 19)
    assert ledger.committable() == {A: 20}


def test_a_seek_makes_everything_out_stale() -> None:
    ledger = Ledger()
    ledger.deliver(A, 9)
    ledger.forget()
    assert not ledger.is_next(A, 0, 9)
    ledger.deliver(A, 9)
    assert not ledger.is_next(A, 0, 9), "the same records, handed out again, are another batch"
    assert ledger.is_next(A, 1, 9)
    assert not ledger.finish(A, 0, 9)
    assert ledger.committable() == {}


def test_a_commit_of_an_earlier_epoch_is_not_taken_for_one_of_this() -> None:
    ledger = Ledger()
    ledger.deliver(A, 9)
    ledger.finish(A, 0, 9)
    ledger.forget()
    ledger.deliver(A, 9)
    ledger.finish(A, 1, 9)
    ledger.committed(0, {A: 10})
    assert ledger.committable() == {A: 10}


def test_partitions_are_apart() -> None:
    ledger = Ledger()
    ledger.deliver(A, 9)
    ledger.deliver(B, 4)
    ledger.finish(B, 0, 4)
    assert ledger.committable() == {B: 5}
    assert ledger.outstanding(A) == 1
    assert ledger.outstanding(("u", 7)) == 0
