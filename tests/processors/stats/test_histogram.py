from __future__ import annotations

import json

import chdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnlog.processors.stats.histogram import (
    BUCKET_SQL,
    QUANTILE_SQL,
    Histogram,
    bucket_of,
    from_avro,
    merge,
    midpoint,
    quantiles,
    to_avro,
)

durations = st.integers(min_value=1, max_value=2**62)
LEVELS = (0.0, 0.25, 0.5, 0.9, 0.95, 0.99, 1.0)


def ask(query: str, output: str = "TabSeparated") -> str:
    return str(chdb.query(query, output)).strip()  # type: ignore[no-untyped-call]  # chdb has no annotations


def histogram_of(values: list[int]) -> Histogram:
    histogram: Histogram = {}
    for value in values:
        merge(histogram, {bucket_of(value): 1})
    return histogram


@given(durations)
def test_a_bucket_stands_for_its_values_within_one_percent(duration: int) -> None:
    assert midpoint(bucket_of(duration)) == pytest.approx(duration, rel=0.01 + 1e-9)


@given(st.lists(durations, min_size=1))
def test_quantiles_are_within_one_percent_of_the_exact_ones(values: list[int]) -> None:
    ordered = sorted(values)
    exact = [ordered[min(int(level * len(ordered)), len(ordered) - 1)] for level in LEVELS]
    assert quantiles(histogram_of(values), LEVELS) == pytest.approx(exact, rel=0.01 + 1e-9)


@given(st.lists(durations), st.lists(durations), st.lists(durations))
def test_merging_is_the_histogram_of_all_values_in_any_order(a: list[int], b: list[int], c: list[int]) -> None:
    left = histogram_of(a)
    merge(left, histogram_of(b))
    merge(left, histogram_of(c))
    right = histogram_of(c)
    tail = histogram_of(b)
    merge(tail, histogram_of(a))
    merge(right, tail)
    assert left == right == histogram_of(a + b + c)


@given(st.lists(durations))
def test_avro_keeps_a_histogram_and_orders_its_buckets(values: list[int]) -> None:
    histogram = histogram_of(values)
    stored = to_avro(histogram)
    assert from_avro(stored) == histogram
    assert list(stored) == [str(bucket) for bucket in sorted(histogram)]


def test_durations_up_to_a_microsecond_are_in_bucket_zero() -> None:
    assert [bucket_of(duration) for duration in (-5, 0, 1, 2)] == [0, 0, 0, 35]


def test_nothing_has_no_quantiles() -> None:
    assert quantiles({}, (0.5, 0.99)) == [None, None]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(durations, min_size=1, max_size=30), min_size=1, max_size=4), st.sampled_from(LEVELS))
def test_the_engine_gives_the_same_buckets_and_quantiles(parts: list[list[int]], level: float) -> None:
    rows = ", ".join(
        f"map({', '.join(f'{bucket}, {count}' for bucket, count in histogram_of(part).items())})" for part in parts
    )
    values = [value for part in parts for value in part]
    merged = f"(SELECT sumMap(CAST(m AS Map(Int16, UInt64))) FROM (SELECT arrayJoin([{rows}]) AS m))"
    bucket = BUCKET_SQL.format(us="v")
    answer = ask(
        f"WITH {merged} AS h SELECT {QUANTILE_SQL.format(map='h', level=level)},"
        f" (SELECT groupArray({bucket}) FROM (SELECT arrayJoin(CAST({values} AS Array(Int64))) AS v)),"
        f" (SELECT quantileExact({level})(v) FROM (SELECT arrayJoin(CAST({values} AS Array(Int64))) AS v))",
        "JSONCompactEachRow",
    )
    quantile, buckets, exact = json.loads(answer)
    assert quantile == pytest.approx(quantiles(histogram_of(values), [level])[0], rel=1e-12)
    assert buckets == [bucket_of(value) for value in values]
    assert quantile == pytest.approx(int(exact), rel=0.01 + 1e-9)


def test_an_empty_map_has_no_quantile_in_the_engine() -> None:
    empty = "CAST(map() AS Map(Int16, UInt64))"
    assert ask(f"SELECT {QUANTILE_SQL.format(map=empty, level=0.5)}") == "\\N"
