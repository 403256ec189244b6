"""Events that did not make it: counted by reason, told to the operator, and accounted for in-band."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from turnlog.producers.clock import Clock
from turnlog.producers.delivery.intake import Numbers
from turnlog.producers.delivery.result import Result
from turnlog.producers.event import Event
from turnlog.producers.kinds import REPORT

REPORT_NAME = "turnlog.producer.report"
"""event_name of the log record in which a producer says how many events it has numbered, and dropped by reason."""

UNDELIVERED = "undelivered"
INVALID = "invalid"
TOO_LARGE = "too_large"
SAMPLED = "sampled"
"""Left out on purpose: accounted for like a loss, but none, and nothing to warn about."""
SPOOL_FULL = "spool_full"
SPOOL_EXPIRED = "spool_expired"
SPOOL_CORRUPT = "spool_corrupt"
CRASHED = "crashed"

_LOSSES, _SPOOL = "losses", "spool"
"""What warnings are about; each has an interval of its own."""

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
        kept = (UNDELIVERED, INVALID, TOO_LARGE, SPOOL_FULL, SPOOL_EXPIRED, SPOOL_CORRUPT, SAMPLED)
        self._counts = dict.fromkeys(kept, 0)
        self._why = ""
        self._warned_at: dict[str, int] = {}
        self._told = 0
        self._reported_at = clock.monotonic_ns()
        self._reported_sampled = 0

    def add(self, reason: str, why: str, count: int = 1) -> None:
        """Count an event, or several."""
        self._counts[reason] += count
        self._why = why

    def leave_out(self) -> None:
        """Count an event that is not in the sample."""
        self._counts[SAMPLED] += 1

    @property
    def total(self) -> int:
        """How many events were counted, those left out of the sample among them."""
        return sum(self._counts.values())

    @property
    def unsent(self) -> int:
        """How many of them never were messages: they could not be encoded, were too large, or not in the sample."""
        return self._counts[INVALID] + self._counts[TOO_LARGE] + self._counts[SAMPLED]

    def counts(self) -> dict[str, int]:
        """Return the counts by reason, without zeros."""
        return {reason: count for reason, count in self._counts.items() if count}

    def due(self, refused: int) -> bool:
        """Whether there are losses to report that were not, and the last warning is long enough ago.

        Events left out on purpose are reported too, at the same intervals, and make no warning wait.

        Args:
            refused: How many events the intake has refused.
        """
        lost = refused + self.total - self._counts[SAMPLED]
        if lost != self._told and self._may_warn(_LOSSES):
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
        if self._may_warn(_LOSSES):
            logger.warning("turnlog: events wait: %s", sentence)

    def spool_trouble(self, sentence: str) -> None:
        """Tell the operator that the spool does not work just now, unless that was told lately."""
        if self._may_warn(_SPOOL):
            logger.warning("turnlog: spool: %s", sentence)

    def report(self, numbers: Numbers, observed_time: int) -> Event:
        """Return the event that accounts for everything up to and including itself.

        Args:
            numbers: The intake's counts when the report took its number, ``numbers.next_sequence``.
            observed_time: Microseconds since 1970 UTC.
        """
        self._reported_at = self._clock.monotonic_ns()
        self._reported_sampled = self._counts[SAMPLED]
        return report(numbers.next_sequence, self._reasons(numbers), observed_time)

    def result(self, numbers: Numbers, sent: int, spooled: int) -> Result:
        """Return the counts as callers see them."""
        counts = dict(self._counts)
        reasons = self._reasons(numbers) | ({"closed": numbers.closed} if numbers.closed else {})
        return Result(
            sent=sent,
            failed=counts[UNDELIVERED],
            dropped=sum(reasons.values()) - counts[UNDELIVERED] - counts[SAMPLED],
            pending=max(0, numbers.accepted - sent - spooled - sum(counts.values())),
            spooled=spooled,
            reasons=reasons,
        )

    def _lost(self, numbers: Numbers) -> dict[str, int]:
        return {reason: count for reason, count in self._reasons(numbers).items() if reason != SAMPLED}

    def _reasons(self, numbers: Numbers) -> dict[str, int]:
        counts = {"queue_full": numbers.queue_full, **self._counts}
        return {reason: count for reason, count in counts.items() if count}

    def _may_warn(self, subject: str) -> bool:
        now = self._clock.monotonic_ns()
        before = self._warned_at.get(subject)
        if before is not None and now - before < self._interval_ns:
            return False
        self._warned_at[subject] = now
        return True


def report(sequence: int, dropped: Mapping[str, int], observed_time: int) -> Event:
    """Return the event in which a producer accounts for everything up to and including itself.

    Args:
        sequence: The report's own number, the highest of all.
        dropped: How many events were lost, by reason.
        observed_time: Microseconds since 1970 UTC.
    """
    fields = {
        "log_type": "info",
        "logger_name": "turnlog",
        "event_name": REPORT_NAME,
        "body": f"{sequence + 1} events numbered, {sum(dropped.values())} dropped",
        "attributes": {"sent": sequence + 1} | {f"dropped.{reason}": count for reason, count in dropped.items()},
    }
    return Event(sequence, REPORT, fields, observed_time, 0)
