"""Panes: statistics of ten seconds of event time, for one key and one source partition, as absolute values.

A pane remembers the last raw offset it has absorbed, which is its version: the same pane at a higher offset has
absorbed all of the lower one's events and more, so whoever sees several versions keeps the highest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import NamedTuple

from turnlog.processors.stats.totals import Totals
from turnlog.schemas import Datum, Source
from turnlog.schemas.errors import InvalidDatumError

PANE_US = 10_000_000
"""Length of a pane in microseconds."""
LATENESS_US = 3_600_000_000
"""How long after a pane's end, by the broker's clock, events still go into it."""

_MAX_NAME = 256


class Dimensions(NamedTuple):
    """What statistics are kept by; panes that differ in nothing else are merged into rolling windows."""

    tenant_id: str
    service_name: str
    environment: str
    provider_name: str
    model: str
    model_version_id: str
    deployment_id: str
    variant: str
    operation_name: str

    @classmethod
    def of_call(cls, call: Datum) -> Dimensions:
        """Return a ModelCall's dimensions: the model is the one that answered, else the one asked for."""
        return cls._make(
            name[:_MAX_NAME]
            for name in (
                call["tenant_id"],
                call["service_name"],
                call["environment"],
                call["provider_name"],
                call["response_model"] or call["request_model"],
                call["model_version_id"] or "",
                call["deployment_id"] or "",
                call["variant"] or "",
                call["operation_name"],
            )
        )

    @classmethod
    def of_security(cls, line: Datum) -> Dimensions:
        """Return a security line's dimensions; it has no provider, model or operation."""
        names = line["tenant_id"], line["service_name"], line["environment"], line["model_version_id"] or ""
        tenant_id, service_name, environment, model_version_id = (name[:_MAX_NAME] for name in names)
        return cls(tenant_id, service_name, environment, "", "", model_version_id, "", "", "")

    def to_bytes(self) -> bytes:
        """Return a Kafka key: equal dimensions have equal bytes."""
        return _compact(list(self))


class PaneKey(NamedTuple):
    """Which pane.

    Attributes:
        dimensions: What it is about.
        source_topic: Raw topic that its events came from.
        source_partition: Its partition.
        pane_start: Microseconds since 1970 UTC.
        generation: 0 for events in time; else the pane in which late events reached the broker. Late ones are counted
            apart, so that a pane can be forgotten an hour after its end and no event is ever dropped.
    """

    dimensions: Dimensions
    source_topic: str
    source_partition: int
    pane_start: int
    generation: int

    @classmethod
    def of(cls, dimensions: Dimensions, event_time: int, source: Source) -> PaneKey:
        """Return the pane that an event belongs to.

        Args:
            dimensions: The event's.
            event_time: Microseconds since 1970 UTC; anything earlier counts as 1970.
            source: The raw record. Its broker's time decides about lateness: every copy of the record has the same.
        """
        start = floor_to_pane(max(event_time, 0))
        arrived = source.timestamp_ms * 1000
        generation = 0 if arrived <= start + PANE_US + LATENESS_US else floor_to_pane(arrived)
        return cls(dimensions, source.topic, source.partition, start, generation)

    @property
    def closes_at(self) -> int:
        """Broker time in microseconds from which on no raw record goes into this pane."""
        return (self.generation or self.pane_start + LATENESS_US) + PANE_US

    def to_bytes(self) -> bytes:
        """Return a Kafka key: equal panes have equal bytes."""
        return _compact([*self.dimensions, *self[1:]])

    @classmethod
    def from_bytes(cls, raw: bytes) -> PaneKey:
        """Read a Kafka key.

        Raises:
            InvalidDatumError: If it is not a pane's key.
        """
        try:
            parts = json.loads(raw)
            dimensions = Dimensions._make(map(str, parts[:9]))
            topic, partition, start, generation = parts[9:]
            return cls(dimensions, str(topic), int(partition), int(start), int(generation))
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidDatumError(f"not a pane's key: {type(error).__name__}") from error


@dataclass(slots=True)
class Pane:
    """A pane's absolute value.

    Attributes:
        key: Which pane.
        last_offset: Highest raw offset absorbed; -1 for none.
        totals: Its sums.
        late_events: Events that came more than an hour after the pane's end.
        clamped_events: Events whose time lay in the future and was set to the broker's.
    """

    key: PaneKey
    last_offset: int = -1
    totals: Totals = field(default_factory=Totals)
    late_events: int = 0
    clamped_events: int = 0

    def fold_call(self, call: Datum, source: Source) -> bool:
        """Absorb a ModelCall; returns False, changing nothing, if its offset had been absorbed before."""
        if not self._advance(call, source):
            return False
        self.totals.add_call(call)
        return True

    def fold_security(self, line: Datum, source: Source) -> bool:
        """Absorb a LogRecord of type security; returns False, changing nothing, if it had been absorbed before."""
        if not self._advance(line, source):
            return False
        self.totals.add_security(line)
        return True

    def _advance(self, event: Datum, source: Source) -> bool:
        if source.offset <= self.last_offset:
            return False
        self.last_offset = source.offset
        self.late_events += self.key.generation != 0
        self.clamped_events += bool(event["time_clamped"])
        return True

    def to_datum(self) -> Datum:
        """Return the pane as a record of schema Pane."""
        return {
            **self.key.dimensions._asdict(),
            "source_topic": self.key.source_topic,
            "source_partition": self.key.source_partition,
            "pane_start": self.key.pane_start,
            "generation": self.key.generation,
            "last_offset": self.last_offset,
            "late_events": self.late_events,
            "clamped_events": self.clamped_events,
            **self.totals.to_datum(),
            **self.totals.histograms(),
        }

    @classmethod
    def from_datum(cls, datum: Datum) -> Pane:
        """Read a record of schema Pane, whose maps it then owns.

        Raises:
            InvalidDatumError: If a histogram's bucket is not an integer.
        """
        dimensions = Dimensions._make(datum[name] for name in Dimensions._fields)
        key = PaneKey(
            dimensions, datum["source_topic"], datum["source_partition"], datum["pane_start"], datum["generation"]
        )
        try:
            totals = Totals.from_datum(datum)
        except ValueError as error:
            raise InvalidDatumError("a pane whose histogram has a bucket that is no integer") from error
        return cls(key, datum["last_offset"], totals, datum["late_events"], datum["clamped_events"])


def floor_to_pane(time_us: int) -> int:
    """Return the start of the pane that a time lies in, both in microseconds since 1970 UTC."""
    return time_us - time_us % PANE_US


def _compact(parts: list[str | int]) -> bytes:
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()
