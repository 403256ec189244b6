"""What became of a client's events so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Result:
    """Counts of the events handed to a client since it was made; its own reports are left out.

    Attributes:
        sent: Acknowledged by Kafka.
        failed: Handed to Kafka and not acknowledged in time.
        dropped: Given up before: the queue was full, the event too large or invalid, the client closed.
        pending: Still on their way.
        reasons: What ``failed`` and ``dropped`` are made of, by reason: ``undelivered``, ``queue_full``,
            ``too_large``, ``invalid``, ``closed``; and ``sampled``, which counts as neither: left out on purpose.
    """

    sent: int = 0
    failed: int = 0
    dropped: int = 0
    pending: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every event was acknowledged."""
        return not (self.failed or self.dropped or self.pending)
