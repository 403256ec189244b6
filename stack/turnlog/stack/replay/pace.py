"""Keeps a steady pace."""

from collections.abc import Callable

_MOST_BEHIND_SECONDS = 1.0


class Pace:
    """Lets one pass every so often.

    Args:
        rate: How many a second; None for as many as come.
        now: Seconds on a clock that never goes back.
        sleep: Blocks for some seconds.
    """

    def __init__(self, rate: float | None, now: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._interval = 1 / rate if rate else 0.0
        self._now = now
        self._sleep = sleep
        self._due = now()

    def wait(self) -> None:
        """Block until the next may pass. What was missed for more than a second is not made up for by a burst."""
        if not self._interval:
            return
        ahead = self._due - self._now()
        if ahead > 0:
            self._sleep(ahead)
        self._due = max(self._due, self._now() - _MOST_BEHIND_SECONDS) + self._interval
