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
        dropped: Given up before: the queue was full, the event too large or invalid, the client closed, or the spool
            full, damaged, or full of what is too old.
        pending: Still on their way and in memory only: lost if the process is killed.
        spooled: In the spool on disk and not known to be in Kafka: delivered by this client when Kafka is there, and
            after its end by the next one that uses the spool. Always 0 without a spool.
        reasons: What ``failed`` and ``dropped`` are made of, by reason: ``undelivered``, ``queue_full``,
            ``too_large``, ``invalid``, ``closed``, ``spool_full``, ``spool_expired``, ``spool_corrupt``; and
            ``sampled``, which counts as neither: left out on purpose.
    """

    sent: int = 0
    failed: int = 0
    dropped: int = 0
    pending: int = 0
    spooled: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every event was acknowledged."""
        return not (self.failed or self.dropped or self.pending or self.spooled)
