"""What became of this producer's own events, counted."""

from __future__ import annotations

from typing import Any

from turnlog.producers.delivery.losses import SPOOL_FULL, UNDELIVERED, Losses
from turnlog.producers.spool.desk import Desk
from turnlog.producers.spool.handed import Cargo, Handed


class Outcomes:
    """Counts events as their fate becomes known; of reports only that they have one.

    Args:
        losses: Counts what is lost.
        desk: Counts what ends without having been on disk.

    Attributes:
        sent: Acknowledged by Kafka.
        spooled: On disk and not done.
        reported: Whether every report was delivered or is on disk.
    """

    def __init__(self, losses: Losses, desk: Desk) -> None:
        self.sent = 0
        self.spooled = 0
        self.reported = True
        self._losses = losses
        self._desk = desk

    def settled(self, handed: Handed, error: Any) -> None:
        """Count what Kafka has acknowledged, or refused for good."""
        event = not handed.cargo.report
        if handed.segment is None:
            self._desk.settled += 1
        else:
            self.spooled -= event
        if error is None:
            self.sent += event
        elif event:
            self._losses.add(UNDELIVERED, str(error))

    def given_up(self, cargo: Cargo) -> None:
        """Count what neither Kafka nor the disk has taken when time is over."""
        if cargo.estate is not None:
            return  # another heir comes
        self._desk.settled += 1
        if cargo.report:
            self.reported = False
        else:
            self._losses.add(UNDELIVERED, "closed before Kafka or the spool took it")

    def no_room(self, cargo: Cargo) -> None:
        """Count what the spool has no room for."""
        del cargo
        self._desk.settled += 1
        self._losses.add(SPOOL_FULL, "the spool has no room for it")

    def lost(self, reason: str, why: str, count: int) -> None:
        """Count events that were on disk and are not any more."""
        self.spooled -= count
        self._losses.add(reason, why, count)
