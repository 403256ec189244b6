"""When a producer's time is over."""

from __future__ import annotations

from turnlog.producers.clock import Clock


class Term:
    """A deadline that may come to be known while others work; set by the closing thread, read by the worker's.

    Args:
        clock: Where the time is read.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._give_up_at: int | None = None
        self._end: int | None = None

    def end_by(self, deadline_ns: int, reserve_ns: int) -> None:
        """Say when, on the monotonic clock, all must be over, and how long before that events are given up."""
        self._end = deadline_ns
        self._give_up_at = deadline_ns - reserve_ns

    def use_reserve(self) -> None:
        """From now on give nothing up before the very end."""
        self._give_up_at = self._end

    def over(self) -> bool:
        """Whether events are to be given up."""
        return self._give_up_at is not None and self._clock.monotonic_ns() >= self._give_up_at

    def after(self, moment_ns: int) -> bool:
        """Whether a moment on the monotonic clock has come."""
        return self._clock.monotonic_ns() >= moment_ns
