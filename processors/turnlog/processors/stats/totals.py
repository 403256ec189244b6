"""What is counted about calls and security lines: one value that panes and rolling windows share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from turnlog.processors.stats.histogram import Histogram, bucket_of, from_avro, merge, to_avro
from turnlog.schemas import Datum, units_from_bytes, units_to_bytes

TOKEN_KINDS = ("input", "output", "cache_read_input", "cache_creation_input", "reasoning_output")
MAX_NAMES = 64
"""Different names that a pane keeps per map; further ones are counted under ``OTHER``."""
OTHER = "other"
NO_CATEGORY = "unknown"
CURRENCY = "USD"
"""Costs in other currencies are not added up; they stay in the calls themselves."""

_LONG = 2**63 - 1
_MONEY = 10**18 - 1
_NAME_LENGTH = 128


@dataclass(slots=True)
class Totals:
    """Sums over any number of events; adding is exact, commutative and associative as long as sums fit 64 bits.

    An event counts as often as its ``sample_weight`` says: a producer that keeps one conversation in N gives what is
    left the weight N, so that sums and histograms estimate those of all events without bias (Horvitz and Thompson,
    JASA 47, 1952). Weights are whole numbers, or sums would depend on their order.

    Sums that would not fit an Avro long, or an amount of 18 digits, stay at the largest that does. Durations and tokens
    below zero count as zero.

    Attributes:
        calls: Model calls.
        errors: Those whose status is not ok.
        errors_by_type: Errors by error_type, or by status where there is none.
        latency_sum_us: Sum of durations, microseconds.
        first_chunk_count: Calls with a first chunk.
        first_chunk_sum_us: Sum of times to first chunk, microseconds.
        tokens: Tokens by kind; see ``TOKEN_KINDS``.
        cost: Billionths of a US dollar.
        redaction_hits: Pieces of personal data replaced, by type.
        security_events: Security lines.
        security_by_category: Those by category.
        latency: Histogram of durations.
        first_chunk: Histogram of times to first chunk.
    """

    calls: int = 0
    errors: int = 0
    errors_by_type: dict[str, int] = field(default_factory=dict)
    latency_sum_us: int = 0
    first_chunk_count: int = 0
    first_chunk_sum_us: int = 0
    tokens: dict[str, int] = field(default_factory=dict)
    cost: int = 0
    redaction_hits: dict[str, int] = field(default_factory=dict)
    security_events: int = 0
    security_by_category: dict[str, int] = field(default_factory=dict)
    latency: Histogram = field(default_factory=dict)
    first_chunk: Histogram = field(default_factory=dict)

    @property
    def events(self) -> int:
        """How many events went in, by weight: every one is a call or a security line."""
        return self.calls + self.security_events

    def add_call(self, call: Datum) -> None:
        """Count a ModelCall."""
        weight = call["sample_weight"]
        self.calls += weight
        if call["status"] != "ok":
            self.errors += weight
            _count(self.errors_by_type, call["error_type"] or call["status"], weight)
        duration = max(0, call["duration_us"])
        self.latency_sum_us = _sum(self.latency_sum_us, weight * duration)
        merge(self.latency, {bucket_of(duration): weight})
        first_chunk = call["time_to_first_chunk_us"]
        if first_chunk is not None:
            self.first_chunk_count += weight
            self.first_chunk_sum_us = _sum(self.first_chunk_sum_us, weight * max(0, first_chunk))
            merge(self.first_chunk, {bucket_of(first_chunk): weight})
        for kind in TOKEN_KINDS:
            used = call[f"usage_{kind}_tokens"]
            if used is not None:
                _count(self.tokens, kind, weight * max(0, used))
        if call["cost"] is not None and call["cost_currency"] == CURRENCY:
            self.cost = _sum(self.cost, weight * units_from_bytes(call["cost"]), _MONEY)
        self._add_hits(call)

    def add_security(self, line: Datum) -> None:
        """Count a LogRecord of type security."""
        weight = line["sample_weight"]
        self.security_events += weight
        said = line["security"] or {}
        _count(self.security_by_category, said.get("category") or NO_CATEGORY, weight)
        self._add_hits(line)

    def merge(self, other: Totals) -> None:
        """Add another's sums to these."""
        self.calls += other.calls
        self.errors += other.errors
        self.latency_sum_us = _sum(self.latency_sum_us, other.latency_sum_us)
        self.first_chunk_count += other.first_chunk_count
        self.first_chunk_sum_us = _sum(self.first_chunk_sum_us, other.first_chunk_sum_us)
        self.cost = _sum(self.cost, other.cost, _MONEY)
        self.security_events += other.security_events
        merge(self.latency, other.latency)
        merge(self.first_chunk, other.first_chunk)
        for mine, theirs in (
            (self.errors_by_type, other.errors_by_type),
            (self.tokens, other.tokens),
            (self.redaction_hits, other.redaction_hits),
            (self.security_by_category, other.security_by_category),
        ):
            for name, count in theirs.items():
                mine[name] = _sum(mine.get(name, 0), count)

    def to_datum(self) -> Datum:
        """Return the fields that Pane and Rolling share; histograms are apart, see :meth:`histograms`."""
        return {
            "calls": self.calls,
            "errors": self.errors,
            "errors_by_type": self.errors_by_type,
            "latency_sum_us": self.latency_sum_us,
            "first_chunk_count": self.first_chunk_count,
            "first_chunk_sum_us": self.first_chunk_sum_us,
            "tokens": self.tokens,
            "cost": units_to_bytes(self.cost),
            "redaction_hits": self.redaction_hits,
            "security_events": self.security_events,
            "security_by_category": self.security_by_category,
        }

    def histograms(self) -> Datum:
        """Return the histograms as fields of a Pane."""
        return {"latency": to_avro(self.latency), "first_chunk": to_avro(self.first_chunk)}

    @classmethod
    def from_datum(cls, pane: Mapping[str, Any]) -> Totals:
        """Take over the fields of a decoded Pane, whose maps it then owns.

        Raises:
            ValueError: If a histogram's bucket is not an integer.
        """
        return cls(
            calls=pane["calls"],
            errors=pane["errors"],
            errors_by_type=pane["errors_by_type"],
            latency_sum_us=pane["latency_sum_us"],
            first_chunk_count=pane["first_chunk_count"],
            first_chunk_sum_us=pane["first_chunk_sum_us"],
            tokens=pane["tokens"],
            cost=units_from_bytes(pane["cost"]),
            redaction_hits=pane["redaction_hits"],
            security_events=pane["security_events"],
            security_by_category=pane["security_by_category"],
            latency=from_avro(pane["latency"]),
            first_chunk=from_avro(pane["first_chunk"]),
        )

    def _add_hits(self, event: Datum) -> None:
        for kind, count in event["redaction_hits"].items():
            _count(self.redaction_hits, kind, event["sample_weight"] * max(0, count))


def _count(counts: dict[str, int], name: str, count: int) -> None:
    """Add to a name's count; a map that is full of names made up by someone must not grow with every event."""
    name = name[:_NAME_LENGTH]
    if name not in counts and len(counts) >= MAX_NAMES:
        name = OTHER
    counts[name] = _sum(counts.get(name, 0), count)


def _sum(one: int, other: int, limit: int = _LONG) -> int:
    return max(-limit, min(limit, one + other))
