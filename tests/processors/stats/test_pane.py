from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.stats.events import NOW_US, call, security, source
from turnlog.processors.stats.book import PaneCodec
from turnlog.processors.stats.pane import LATENESS_US, PANE_US, Dimensions, Pane, PaneKey
from turnlog.processors.stats.totals import MAX_NAMES, OTHER, Totals
from turnlog.schemas import SchemaStore, money_to_bytes
from turnlog.schemas.errors import InvalidDatumError

CODEC = PaneCodec(SchemaStore())


def pane_of(event: dict[str, object], offset: int = 0, arrived: int = NOW_US) -> PaneKey:
    return PaneKey.of(Dimensions.of_call(event), event["event_time"], source(offset, arrived))  # type: ignore[arg-type]


def test_a_call_is_counted_in_every_sum() -> None:
    pane = Pane(pane_of(call()))
    first = call(
        status="error",
        error_type="rate_limit",
        time_to_first_chunk_us=5_000,
        usage_cache_read_input_tokens=4,
        redaction_hits={"EMAIL": 2},
        time_clamped=True,
    )
    assert pane.fold_call(first, source(7))
    assert pane.fold_call(call(status="timeout"), source(9))
    datum = pane.to_datum()
    assert {name: datum[name] for name in ("calls", "errors", "last_offset", "late_events", "clamped_events")} == {
        "calls": 2,
        "errors": 2,
        "last_offset": 9,
        "late_events": 0,
        "clamped_events": 1,
    }
    assert datum["errors_by_type"] == {"rate_limit": 1, "timeout": 1}
    assert (datum["latency_sum_us"], datum["first_chunk_sum_us"], datum["first_chunk_count"]) == (240_000, 5_000, 1)
    assert datum["tokens"] == {"input": 20, "output": 40, "cache_read_input": 4}
    assert datum["cost"] == money_to_bytes(Decimal("0.002"))
    assert datum["redaction_hits"] == {"EMAIL": 2}
    assert sum(datum["latency"].values()) == 2
    assert sum(datum["first_chunk"].values()) == 1


calls = st.builds(
    call,
    status=st.sampled_from(["ok", "error", "timeout"]),
    error_type=st.none() | st.sampled_from(["rate_limit", "overloaded"]),
    duration_us=st.integers(0, 10**9),
    time_to_first_chunk_us=st.none() | st.integers(0, 10**8),
    usage_reasoning_output_tokens=st.none() | st.integers(0, 10**6),
    cost=st.none() | st.decimals(0, 100, places=9).map(money_to_bytes),
    redaction_hits=st.dictionaries(st.sampled_from(["EMAIL", "PHONE"]), st.integers(0, 9)),
)


@given(st.lists(st.tuples(calls, st.integers(1, 12)), max_size=12))
def test_an_event_of_weight_n_counts_as_n_events(weighted: list[tuple[dict[str, object], int]]) -> None:
    by_weight, one_by_one = Totals(), Totals()
    for event, weight in weighted:
        by_weight.add_call({**event, "sample_weight": weight})
        for _ in range(weight):
            one_by_one.add_call(event)
    assert by_weight == one_by_one


def test_security_lines_are_counted_by_weight_too() -> None:
    totals = Totals()
    totals.add_security(security(sample_weight=3, redaction_hits={"IP": 2}))
    assert (totals.security_events, totals.security_by_category) == (3, {"prompt_injection": 3})
    assert totals.redaction_hits == {"IP": 6}


def test_costs_in_other_currencies_are_not_added_up() -> None:
    pane = Pane(pane_of(call()))
    pane.fold_call(call(cost_currency="EUR"), source(1))
    assert pane.totals.cost == 0


def test_a_security_line_counts_by_category_in_a_pane_without_a_model() -> None:
    line = security()
    key = PaneKey.of(Dimensions.of_security(line), line["event_time"], source(0, topic="chat.raw.security"))
    pane = Pane(key)
    pane.fold_security(line, source(0))
    pane.fold_security(security(security=None), source(1))
    assert (key.dimensions.model, key.dimensions.operation_name) == ("", "")
    assert pane.totals.security_by_category == {"prompt_injection": 1, "unknown": 1}
    assert (pane.totals.calls, pane.totals.events) == (0, 2)


def test_the_model_is_the_one_that_answered() -> None:
    assert Dimensions.of_call(call(response_model="gpt-5-mini")).model == "gpt-5-mini"
    assert Dimensions.of_call(call()).model == "gpt-5"


def test_made_up_error_types_do_not_make_a_pane_grow_without_end() -> None:
    pane = Pane(pane_of(call()))
    for offset in range(MAX_NAMES + 10):
        pane.fold_call(call(status="error", error_type=f"E{offset}"), source(offset))
    assert len(pane.totals.errors_by_type) == MAX_NAMES + 1
    assert pane.totals.errors_by_type[OTHER] == 10


def test_sums_that_leave_64_bits_stay_at_the_largest() -> None:
    pane = Pane(pane_of(call()))
    for offset in range(3):
        pane.fold_call(call(duration_us=2**63 - 1, cost=money_to_bytes(Decimal(999_999_999))), source(offset))
    assert CODEC.decode(CODEC.encode(pane)).totals.latency_sum_us == 2**63 - 1


@pytest.mark.parametrize(
    ("arrived", "generation"),
    [
        (NOW_US, 0),
        (NOW_US + PANE_US + LATENESS_US, 0),
        (NOW_US + PANE_US + LATENESS_US + 1000, NOW_US + PANE_US + LATENESS_US),
    ],
)
def test_an_event_is_late_by_the_brokers_clock(arrived: int, generation: int) -> None:
    key = pane_of(call(NOW_US), arrived=arrived)
    assert (key.pane_start, key.generation) == (NOW_US, generation)
    assert key.closes_at > arrived - 1000


def test_times_before_1970_count_as_1970() -> None:
    assert pane_of(call(-(2**63))).pane_start == 0


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"nonsense", b'["a","b"]', b"\xff"])
def test_what_is_no_key_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidDatumError):
        PaneKey.from_bytes(raw)


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
offsets = st.lists(st.integers(0, 50), max_size=60)


@given(st.lists(names, min_size=9, max_size=9), st.integers(0, 2**31), st.integers(0, 2**50))
def test_keys_survive_their_bytes(dimensions: list[str], partition: int, start: int) -> None:
    key = PaneKey(Dimensions._make(dimensions), "chat.raw.calls", partition, start, 0)
    assert PaneKey.from_bytes(key.to_bytes()) == key


@given(offsets)
def test_whatever_is_folded_again_changes_nothing(order: list[int]) -> None:
    pane, once = Pane(pane_of(call())), Pane(pane_of(call()))
    highest = -1
    for offset in order:
        pane.fold_call(call(duration_us=offset * 1000), source(offset))
        if offset > highest:
            highest = offset
            once.fold_call(call(duration_us=offset * 1000), source(offset))
    assert pane == once
    assert CODEC.decode(CODEC.encode(pane)) == pane


events = st.lists(
    st.builds(
        call,
        duration_us=st.integers(0, 2**40),
        status=st.sampled_from(["ok", "error", "timeout"]),
        error_type=st.sampled_from([None, "a", "b"]),
        time_to_first_chunk_us=st.none() | st.integers(0, 2**30),
    ),
    max_size=12,
)


def totals_of(calls: list[dict[str, object]]) -> Totals:
    totals = Totals()
    for each in calls:
        totals.add_call(each)
    return totals


@given(events, events, events)
def test_merging_totals_is_counting_all_events(
    a: list[dict[str, object]], b: list[dict[str, object]], c: list[dict[str, object]]
) -> None:
    left = totals_of(a)
    left.merge(totals_of(b))
    left.merge(totals_of(c))
    tail = totals_of(c)
    tail.merge(totals_of(b))
    right = totals_of(a)
    right.merge(tail)
    assert left == right == totals_of(a + b + c)
