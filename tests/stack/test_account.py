"""The account: as a value, over what is under way, and waiting for it."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import pytest

from turnlog.schemas import TransientError
from turnlog.stack.account import Account, Doubles, Entry, Gap, UnderWay, in_words, settle
from turnlog.stack.account.wait import Clock
from turnlog.stack.lag import Lag

_TIME = datetime(2026, 1, 1, tzinfo=UTC)
_PROCESSORS, _SINKS = "chat.processors", "chat.sinks"


def _entry(sent: int, stored: int, dead: int = 0, **dropped: int) -> Entry:
    return Entry(
        producer_id="p",
        tenant_id="t",
        service_name="s",
        sent=sent,
        stored=stored,
        dead=dead,
        dropped=dropped,
        closed=True,
        first_time=_TIME,
        last_time=_TIME,
    )


def test_sent_is_stored_dead_lettered_and_dropped() -> None:
    entry = _entry(10, 6, 1, queue_full=2, too_large=1)
    assert entry.balanced
    assert entry.missing == 0
    assert _entry(10, 6, 1, queue_full=2).missing == 1
    assert not _entry(10, 9).balanced


def test_what_was_given_up_and_arrived_nonetheless_is_not_missing() -> None:
    assert _entry(10, 10, undelivered=2).balanced


def test_gaps_in_words() -> None:
    assert in_words([Gap(17, 20), Gap(42, 42)]) == "17-20, 42"


def test_an_account_balances_only_if_nothing_is_under_way_unknown_or_twice() -> None:
    entries = (_entry(1, 1),)
    assert Account(entries=entries).balanced
    assert Account(entries=()).balanced
    assert not Account(entries=entries, under_way=1).balanced
    assert not Account(entries=entries, under_way_error="Kafka is away").balanced
    assert not Account(entries=entries, doubles=(Doubles(table="calls", rows=2, twice=1),)).balanced
    assert not Account(entries=(*entries, _entry(2, 1))).balanced


def _lag(group: str, topic: str, position: int, end: int) -> Lag:
    return Lag(group=group, topic=f"chat.{topic}", partition=0, committed=position, end=end, behind=end - position)


def _pipeline(raw: tuple[int, int], clean: tuple[int, int], dead: tuple[int, int] = (0, 0)) -> list[Lag]:
    return [_lag(_PROCESSORS, "raw.calls", *raw), _lag(_SINKS, "calls", *clean), _lag(_SINKS, "dlq", *dead)]


def _under_way(*moments: list[Lag]) -> UnderWay:
    left = list(moments)
    return UnderWay(lambda: left.pop(0) if len(left) > 1 else left[0], "chat.")


def test_an_idle_pipeline_is_through_at_once() -> None:
    assert _under_way(_pipeline((5, 5), (4, 4), (1, 1))).look()


def test_what_came_later_is_not_waited_for() -> None:
    pipeline = _under_way(
        _pipeline((3, 5), (3, 3)), _pipeline((5, 9), (3, 5)), _pipeline((9, 20), (3, 5)), _pipeline((9, 20), (5, 9))
    )
    assert not pipeline.look()
    assert pipeline.left == 2
    assert not pipeline.look()
    assert pipeline.left == 2
    assert pipeline.look()


def test_the_ends_of_clean_topics_are_taken_when_the_raw_ones_are_through() -> None:
    pipeline = _under_way(
        _pipeline((0, 10), (0, 0)),
        _pipeline((10, 10), (0, 9), (0, 1)),
        _pipeline((10, 10), (0, 9), (0, 1)),
        _pipeline((10, 10), (9, 9), (0, 1)),
        _pipeline((10, 10), (9, 9), (0, 1)),
        _pipeline((10, 10), (9, 9), (1, 1)),
    )
    seen = []
    while not pipeline.look():
        seen.append(pipeline.left)
    assert seen == [10, 9, 1]


class _Time:
    def __init__(self) -> None:
        self.seconds = 0.0

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.seconds, self.sleep)


def _reader(*accounts: Account) -> Callable[[], Account]:
    left = list(accounts)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def test_settle_returns_as_soon_as_it_balances() -> None:
    time = _Time()
    bad, good = Account(entries=(_entry(2, 1),)), Account(entries=(_entry(2, 2),))
    found = settle(_reader(bad, bad, good), _under_way(_pipeline((1, 1), (1, 1))), wait=30, clock=time.clock)
    assert found.balanced
    assert time.seconds == 0.25


def test_settle_does_not_trust_a_balance_while_something_is_under_way() -> None:
    time = _Time()
    found = settle(_reader(Account(entries=())), _under_way(_pipeline((1, 3), (1, 1))), wait=2, clock=time.clock)
    assert not found.balanced
    assert found.under_way == 2
    assert time.seconds == 2.0


def test_settle_says_when_kafka_does_not() -> None:
    def away() -> Iterable[Lag]:
        raise TransientError("Kafka is away")

    found = settle(_reader(Account(entries=())), UnderWay(away, "chat."), wait=0, clock=_Time().clock)
    assert found.under_way_error == "Kafka is away"
    assert not found.balanced


def test_settle_lets_a_missing_clickhouse_through_at_once() -> None:
    def away() -> Account:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        settle(away, _under_way(_pipeline((0, 9), (0, 0))), wait=30, clock=_Time().clock)
