"""Events that did not make it: counted by reason, told to the operator, and accounted for in-band."""

from __future__ import annotations

import logging

from turnlog.producers.clock import Clock
from turnlog.producers.intake import Numbers
from turnlog.producers.kinds import REPORT
from turnlog.producers.packing import Event
from turnlog.producers.result import Result

REPORT_NAME = "turnlog.producer.report"
"""event_name of the log record in which a producer says how many events it has numbered, and dropped by reason."""

UNDELIVERED = "undelivered"
INVALID = "invalid"
TOO_LARGE = "too_large"
SAMPLED = "sampled"
"""Left out on purpose: accounted for like a loss, but none, and nothing to warn about."""

logger = logging.getLogger("turnlog")


class Losses:
    """Counts of one producer's lost events, beside those that its intake refused; used by the worker's thread.

    Args:
        interval: Seconds between two warnings.
        clock: Where the time is read.
    """

    def __init__(self, interval: float, clock: Clock) -> None:
        self._interval_ns = int(interval * 1e9)
        self._clock = clock
        self._counts = {UNDELIVERED: 0, INVALID: 0, TOO_LARGE: 0, SAMPLED: 0}
        self._why = ""
        self._warned_at: int | None = None
        self._told = 0
        self._reported_at = clock.monotonic_ns()
        self._reported_sampled = 0

    def add(self, reason: str, why: str) -> None:
        """Count an event."""
        self._counts[reason] += 1
        self._why = why

    def leave_out(self) -> None:
        """Count an event that is not in the sample."""
        self._counts[SAMPLED] += 1

    def due(self, refused: int) -> bool:
        """Whether there are losses to report that were not, and the last warning is long enough ago.

        Events left out on purpose are reported too, at the same intervals, and make no warning wait.

        Args:
            refused: How many events the intake has refused.
        """
        lost = refused + sum(self._counts.values()) - self._counts[SAMPLED]
        if lost != self._told and self._may_warn():
            self._told = lost
            return True
        return (
            self._counts[SAMPLED] != self._reported_sampled
            and self._clock.monotonic_ns() - self._reported_at >= self._interval_ns
        )

    def any(self, numbers: Numbers) -> bool:
        """Whether anything was lost."""
        return bool(self._lost(numbers))

    def warn(self, numbers: Numbers) -> None:
        """Tell the operator about all losses so far."""
        reasons = self._lost(numbers)
        listed = ", ".join(f"{reason} {count}" for reason, count in reasons.items())
        logger.warning(
            "turnlog: %d events dropped so far (%s)%s",
            sum(reasons.values()),
            listed,
            f"; last: {self._why}" if self._why else "",
        )

    def trouble(self, sentence: str) -> None:
        """Tell the operator that sending does not work just now, unless something was told lately."""
        if self._may_warn():
            logger.warning("turnlog: events wait: %s", sentence)

    def report(self, numbers: Numbers, observed_time: int) -> Event:
        """Return the event that accounts for everything up to and including itself.

        Args:
            numbers: The intake's counts when the report took its number, ``numbers.next_sequence``.
            observed_time: Microseconds since 1970 UTC.
        """
        self._reported_at = self._clock.monotonic_ns()
        self._reported_sampled = self._counts[SAMPLED]
        attributes = {"sent": numbers.next_sequence + 1}
        attributes |= {f"dropped.{reason}": count for reason, count in self._reasons(numbers).items()}
        fields = {
            "log_type": "info",
            "logger_name": "turnlog",
            "event_name": REPORT_NAME,
            "body": f"{numbers.next_sequence + 1} events numbered, {sum(self._lost(numbers).values())} dropped",
            "attributes": attributes,
        }
        return Event(numbers.next_sequence, REPORT, fields, observed_time, 0)

    def result(self, numbers: Numbers, sent: int) -> Result:
        """Return the counts as callers see them."""
        counts = dict(self._counts)
        reasons = self._reasons(numbers) | ({"closed": numbers.closed} if numbers.closed else {})
        return Result(
            sent=sent,
            failed=counts[UNDELIVERED],
            dropped=sum(reasons.values()) - counts[UNDELIVERED] - counts[SAMPLED],
            pending=max(0, numbers.accepted - sent - sum(counts.values())),
            reasons=reasons,
        )

    def _lost(self, numbers: Numbers) -> dict[str, int]:
        return {reason: count for reason, count in self._reasons(numbers).items() if reason != SAMPLED}

    def _reasons(self, numbers: Numbers) -> dict[str, int]:
        counts = {"queue_full": numbers.queue_full, **self._counts}
        return {reason: count for reason, count in counts.items() if count}

    def _may_warn(self) -> bool:
        now = self._clock.monotonic_ns()
        if self._warned_at is not None and now - self._warned_at < self._interval_ns:
            return False
        self._warned_at = now
        return True
