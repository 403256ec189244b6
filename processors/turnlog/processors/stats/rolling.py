"""Rolling windows: the last 1, 5 and 15 minutes of a key, merged from its panes, at every ten-second boundary.

What is emitted: at each boundary, a row per length for every key with a pane in the last 15 minutes; when a pane
changes afterwards, the rows that it lies in and that were emitted, again; for panes of history (a replay of old
events), the rows that end with the pane. A row is a merge of absolute values, so emitting it again changes nothing.

A row's version is the number of events in it. Panes only grow, so of two rows for the same window the one with more
events knows more, whoever made it and whatever their clocks say: a worker that has lost its keys, or one that has not
read all of the past, can't overwrite a better row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from turnlog.processors.stats.histogram import quantiles
from turnlog.processors.stats.pane import PANE_US, Dimensions, Pane, floor_to_pane
from turnlog.processors.stats.totals import Totals
from turnlog.schemas import Datum

WINDOWS_S = (60, 300, 900)
"""Lengths of the windows in seconds, ascending."""
LONGEST_US = WINDOWS_S[-1] * 1_000_000
HISTORY_US = 2 * LONGEST_US + 300_000_000
"""How far back panes are needed: 15 minutes of windows to correct, the longest window before them, and the five minutes
that an event's time may be ahead of its arrival."""
AT_ONCE_US = 2 * PANE_US
"""Panes that began no longer ago than this before the last boundary are corrected at once, older ones at the next one,
so that events that trickle in late don't repeat 15 minutes of rows each second."""
LEVELS = (0.5, 0.95, 0.99)


@dataclass(slots=True)
class _Cell:
    """All panes of one key that start at the same time, by where they come from."""

    panes: dict[tuple[str, int, int], Pane] = field(default_factory=dict)
    touched_at: int = 0
    _sum: Totals | None = None

    def put(self, pane: Pane, now_us: int) -> bool:
        source = pane.key.source_topic, pane.key.source_partition, pane.key.generation
        known = self.panes.get(source)
        self.touched_at = max(self.touched_at, now_us)
        if known is not None and known.last_offset >= pane.last_offset:
            return False
        self.panes[source] = pane
        self._sum = None
        return True

    @property
    def totals(self) -> Totals:
        if self._sum is None:
            if len(self.panes) == 1:
                return next(iter(self.panes.values())).totals
            self._sum = Totals()
            for pane in self.panes.values():
                self._sum.merge(pane.totals)
        return self._sum


@dataclass(slots=True)
class _Series:
    """A key's cells by their start, the ends of its emitted windows, and the starts of panes changed since."""

    cells: dict[int, _Cell] = field(default_factory=dict)
    emitted: set[int] = field(default_factory=set)
    changed: set[int] = field(default_factory=set)


class RollingWindows:
    """Merges panes of any number of keys into windows; pure: times are arguments.

    Args:
        emitted_until: Boundary up to which windows were emitted before, in microseconds; those after it are due.
    """

    def __init__(self, emitted_until: int = 0) -> None:
        self._series: dict[Dimensions, _Series] = {}
        self._ticked = floor_to_pane(emitted_until)

    def __len__(self) -> int:
        """Return how many keys have panes."""
        return len(self._series)

    def keys(self) -> list[Dimensions]:
        """Return the keys that have panes."""
        return list(self._series)

    def forget(self, key: Dimensions) -> None:
        """Drop a key, which is someone else's now."""
        self._series.pop(key, None)

    def put(self, pane: Pane, now_us: int, *, fresh: bool = True) -> None:
        """Take a pane's value; older versions of it change nothing.

        Args:
            pane: The pane; it must not be changed afterwards.
            now_us: The current time.
            fresh: False for panes whose windows were emitted by an earlier life.
        """
        series = self._series.setdefault(pane.key.dimensions, _Series())
        start = pane.key.pane_start
        if series.cells.setdefault(start, _Cell()).put(pane, now_us) and fresh:
            series.changed.add(start)

    def due(self, now_us: int) -> Iterator[Datum]:
        """Yield the rows to emit now, as records of schema Rolling without their keys encoded.

        Windows end at boundaries up to now; what is yielded counts as emitted.
        """
        last = floor_to_pane(now_us)
        first = max(self._ticked + PANE_US, last - LONGEST_US)
        boundaries = range(first, last + 1, PANE_US)
        self._ticked = max(self._ticked, last)
        for key, series in self._series.items():
            ends = self._ends(series, boundaries, last)
            series.emitted |= ends
            for end in sorted(ends):
                yield from self._rows(key, series, end)
        if boundaries:
            self._expire(now_us)

    def _ends(self, series: _Series, boundaries: range, last: int) -> set[int]:
        """Return the ends of a key's windows that are due."""
        ends = {end for end in boundaries if any(end - LONGEST_US <= start < end for start in series.cells)}
        waiting = set()
        for start in series.changed:
            if start >= last or (not boundaries and start < last - AT_ONCE_US):
                waiting.add(start)
                continue
            ends.add(start + PANE_US)
            ends.update(end for end in series.emitted if start < end <= start + LONGEST_US)
            if start >= last - LONGEST_US:  # recent: the key should have had a row at each boundary since
                ends.update(range(start + PANE_US, last + 1, PANE_US))
        series.changed = waiting
        return ends

    def _rows(self, key: Dimensions, series: _Series, end: int) -> Iterator[Datum]:
        """Yield a key's windows with that end: each length adds the cells that the shorter one lacks."""
        totals, reached = Totals(), end
        for seconds in WINDOWS_S:
            start = end - seconds * 1_000_000
            for at in range(start, reached, PANE_US):
                cell = series.cells.get(at)
                if cell is not None:
                    totals.merge(cell.totals)
            reached = start
            if totals.events:
                yield row(key, seconds, end, totals)

    def _expire(self, now_us: int) -> None:
        """Forget panes that are neither recent nor recently changed, and keys without panes."""
        oldest = now_us - HISTORY_US
        for key, series in list(self._series.items()):
            gone = [start for start, cell in series.cells.items() if start < oldest and cell.touched_at < oldest]
            for start in gone:
                del series.cells[start]
            if not series.cells:
                del self._series[key]
            elif gone:
                horizon = min(series.cells)
                series.emitted = {end for end in series.emitted if end > horizon}


def row(key: Dimensions, seconds: int, end: int, totals: Totals) -> Datum:
    """Return a record of schema Rolling.

    Args:
        key: What it is about.
        seconds: Length of the window.
        end: Its end, exclusive, in microseconds since 1970 UTC.
        totals: What happened in it; its maps are copied.
    """
    latency = quantiles(totals.latency, LEVELS)
    first_chunk = quantiles(totals.first_chunk, LEVELS)
    shared = totals.to_datum()
    return {
        **key._asdict(),
        "window_seconds": seconds,
        "window_end": end,
        "version": totals.events,
        **{name: dict(value) if isinstance(value, dict) else value for name, value in shared.items()},
        "error_rate": totals.errors / totals.calls if totals.calls else 0.0,
        **dict(zip(("latency_p50_us", "latency_p95_us", "latency_p99_us"), latency, strict=True)),
        **dict(zip(("first_chunk_p50_us", "first_chunk_p95_us", "first_chunk_p99_us"), first_chunk, strict=True)),
        "calls_per_second": totals.calls / seconds,
        "tokens_per_second": (totals.tokens.get("input", 0) + totals.tokens.get("output", 0)) / seconds,
        "cost_per_hour": totals.cost / 1e9 * 3600 / seconds,
    }
