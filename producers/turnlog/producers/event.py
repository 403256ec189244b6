"""What a caller leaves in the queue."""

from __future__ import annotations

from typing import NamedTuple

from turnlog.producers.kinds import Fields, Kind


class Event(NamedTuple):
    """An event as it was handed over.

    Attributes:
        sequence: Its number among all events of the producer.
        kind: What it is.
        fields: What the caller said; the event owns this dict.
        observed_time: When it was handed over, in microseconds since 1970 UTC.
        size: About how many bytes its texts have.
    """

    sequence: int
    kind: Kind
    fields: Fields
    observed_time: int
    size: int
