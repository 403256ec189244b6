from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.stats.events import NOW_US, call, source
from turnlog.processors.stats.pane import PANE_US, Dimensions, Pane, PaneKey
from turnlog.processors.stats.rolling import HISTORY_US, WINDOWS_S, RollingWindows
from turnlog.schemas import Datum, Decoder, Encoder, SchemaStore

MINUTE = 60_000_000


def pane(start: int, calls: int = 1, *, partition: int = 0, model: str = "a", **fields: Any) -> Pane:
    event = call(start, request_model=model, **fields)
    made = Pane(PaneKey.of(Dimensions.of_call(event), start, source(0, start, partition=partition)))
    for offset in range(calls):
        made.fold_call(event, source(offset, start))
    return made


def rows(windows: RollingWindows, now: int) -> dict[tuple[int, int], Datum]:
    return {(row["window_seconds"], row["window_end"]): row for row in windows.due(now)}


def test_a_boundary_brings_a_row_of_each_length() -> None:
    windows = RollingWindows(NOW_US)
    windows.put(pane(NOW_US, 3, status="error"), NOW_US + 1)
    assert rows(windows, NOW_US + PANE_US - 1) == {}
    found = rows(windows, NOW_US + PANE_US)
    assert set(found) == {(seconds, NOW_US + PANE_US) for seconds in WINDOWS_S}
    row = found[60, NOW_US + PANE_US]
    assert (row["version"], row["calls"], row["error_rate"], row["calls_per_second"]) == (3, 3, 1.0, 0.05)
    assert row["latency_p50_us"] == pytest.approx(120_000, rel=0.01)
    assert row["first_chunk_p50_us"] is None
    assert row["tokens_per_second"] == pytest.approx(1.5)
    assert row["cost_per_hour"] == pytest.approx(0.18)
    assert Decoder("Rolling", SchemaStore()).decode(Encoder("Rolling").encode(row))["calls"] == 3


def test_a_key_has_rows_for_fifteen_minutes_after_its_last_pane() -> None:
    windows = RollingWindows(NOW_US)
    windows.put(pane(NOW_US), NOW_US)
    lengths = [sorted({seconds for seconds, _ in rows(windows, NOW_US + tick * PANE_US)}) for tick in range(1, 93)]
    assert lengths[:6] == [[60, 300, 900]] * 6
    assert lengths[6:30] == [[300, 900]] * 24
    assert lengths[30:90] == [[900]] * 60
    assert lengths[90:] == [[], []]


def test_panes_of_all_partitions_and_generations_add_up() -> None:
    windows = RollingWindows(NOW_US)
    for partition in range(3):
        windows.put(pane(NOW_US, 2, partition=partition), NOW_US)
    late = pane(NOW_US)
    late.key = late.key._replace(generation=NOW_US + PANE_US)
    windows.put(late, NOW_US)
    assert rows(windows, NOW_US + PANE_US)[60, NOW_US + PANE_US]["calls"] == 7


def test_a_pane_that_changes_late_corrects_the_rows_it_lies_in() -> None:
    windows = RollingWindows(NOW_US)
    windows.put(pane(NOW_US), NOW_US)
    end = NOW_US + PANE_US
    assert rows(windows, end)[60, end]["calls"] == 1
    windows.put(pane(NOW_US, 4), end)
    corrected = rows(windows, end + 1)
    assert (corrected[60, end]["calls"], corrected[60, end]["version"]) == (4, 4)
    assert rows(windows, end + 2) == {}


def test_an_older_version_of_a_pane_changes_nothing() -> None:
    windows = RollingWindows(NOW_US)
    windows.put(pane(NOW_US, 4), NOW_US)
    windows.put(pane(NOW_US, 2), NOW_US)
    end = NOW_US + PANE_US
    assert rows(windows, end)[60, end]["calls"] == 4
    windows.put(pane(NOW_US, 4), NOW_US)
    assert rows(windows, end + 1) == {}


def test_a_key_that_appears_minutes_late_gets_the_rows_it_should_have_had() -> None:
    windows = RollingWindows(NOW_US)
    list(windows.due(NOW_US + 3 * PANE_US))
    windows.put(pane(NOW_US), NOW_US + 3 * PANE_US)
    ends = {end for _, end in rows(windows, NOW_US + 4 * PANE_US)}
    assert ends == {NOW_US + tick * PANE_US for tick in range(1, 5)}


def test_history_has_the_rows_that_end_with_its_panes() -> None:
    windows = RollingWindows(NOW_US)
    old = NOW_US - 365 * 86_400_000_000
    windows.put(pane(old), NOW_US)
    windows.put(pane(old + MINUTE), NOW_US)
    found = rows(windows, NOW_US + PANE_US)
    assert {end for _, end in found} == {old + PANE_US, old + MINUTE + PANE_US}
    assert found[60, old + MINUTE + PANE_US]["calls"] == 1
    assert found[300, old + MINUTE + PANE_US]["calls"] == 2


def test_history_that_arrives_backwards_corrects_what_was_said_of_later_windows() -> None:
    windows = RollingWindows(NOW_US)
    old = NOW_US - 365 * 86_400_000_000
    windows.put(pane(old + MINUTE), NOW_US)
    list(windows.due(NOW_US + PANE_US))
    windows.put(pane(old), NOW_US + PANE_US)
    found = rows(windows, NOW_US + 2 * PANE_US)
    assert found[300, old + MINUTE + PANE_US]["calls"] == 2


def test_what_an_earlier_life_had_emitted_is_not_repeated() -> None:
    windows = RollingWindows(NOW_US + PANE_US)
    windows.put(pane(NOW_US), NOW_US + PANE_US, fresh=False)
    assert {end for _, end in rows(windows, NOW_US + 2 * PANE_US)} == {NOW_US + 2 * PANE_US}


def test_old_panes_and_their_keys_are_forgotten() -> None:
    windows = RollingWindows(NOW_US)
    windows.put(pane(NOW_US), NOW_US)
    list(windows.due(NOW_US + HISTORY_US + PANE_US))
    assert len(windows) == 0


@given(
    st.lists(
        st.tuples(st.integers(0, 8), st.integers(1, 5), st.integers(0, 1), st.integers(0, 12)), min_size=1, max_size=40
    )
)
def test_the_highest_version_of_every_row_is_true_however_panes_arrive(
    arrivals: list[tuple[int, int, int, int]],
) -> None:
    """Panes in any order, at any time, in any of their versions; ends are those of the boundaries that passed."""
    windows = RollingWindows(NOW_US)
    best: dict[tuple[int, int], Datum] = {}
    known: dict[tuple[int, int], int] = {}
    now = NOW_US
    for cell, calls, partition, wait in arrivals:
        now += wait * 1_000_000
        windows.put(pane(NOW_US + cell * PANE_US, calls, partition=partition), now)
        known[cell, partition] = max(known.get((cell, partition), 0), calls)
        for row in windows.due(now):
            place = row["window_seconds"], row["window_end"]
            if place not in best or row["version"] > best[place]["version"]:
                best[place] = row
    now += 9 * PANE_US
    for row in windows.due(now):
        place = row["window_seconds"], row["window_end"]
        if place not in best or row["version"] > best[place]["version"]:
            best[place] = row
    for tick in range(1, (now - NOW_US) // PANE_US + 1):
        for seconds in WINDOWS_S:
            cells = range(tick - seconds // 10, tick)
            expected = sum(calls for (cell, _), calls in known.items() if cell in cells)
            found = best.get((seconds, NOW_US + tick * PANE_US))
            assert (found["calls"] if found else 0) == expected
