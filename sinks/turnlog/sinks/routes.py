"""Which topic goes into which table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from turnlog.schemas.topics import BY_NAME


@dataclass(frozen=True)
class Route:
    """A topic's way into ClickHouse.

    Attributes:
        topic: The topic without its prefix.
        table: The table.
        record: The Avro record of both.
        coordinates: Whether rows get their raw coordinates in front; statistics and dead letters hold their own.
        holes: Whether holes in its offsets are nothing unusual: it is compacted, or written in transactions, whose ends
            take offsets of their own.
    """

    topic: str
    table: str
    record: str
    coordinates: bool = True
    holes: bool = False


def _route(topic: str, table: str | None = None, *, coordinates: bool = True, transactional: bool = False) -> Route:
    known = BY_NAME[topic]
    return Route(topic, table or topic, known.record, coordinates, known.compacted or transactional)


ROUTES: Mapping[str, Route] = {
    route.topic: route
    for route in (
        _route("calls"),
        _route("steps"),
        _route("logs"),
        _route("debug"),
        _route("security"),
        _route("scores"),
        _route("deployments"),
        _route("models", "model_versions"),
        _route("datasets"),
        _route("audit", transactional=True),
        _route("panes", "panes_versions", coordinates=False),
        _route("rolling", "rolling_versions", coordinates=False),
        _route("dlq", "dead_letters", coordinates=False),
    )
}
"""Topic without prefix → its route."""
