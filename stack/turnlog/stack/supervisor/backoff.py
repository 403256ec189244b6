"""How long to wait before a dead component is started again."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Exponential delays.

    Attributes:
        first: Seconds before the first restart in a row.
        factor: Each further delay is this many times the one before.
        longest: No delay is longer, in seconds.
        healthy_after: Seconds of being ready after which the row ends.
    """

    first: float = 0.2
    factor: float = 2.0
    longest: float = 5.0
    healthy_after: float = 30.0

    def __post_init__(self) -> None:
        """Refuse delays that do not grow from something to something."""
        if not (0 < self.first <= self.longest and self.factor >= 1 and self.healthy_after >= 0):
            raise ValueError(f"not a backoff: {self}")

    def delay(self, failures: int) -> float:
        """Return the delay in seconds before a restart that `failures` others in a row went before."""
        # Past 64 doublings a float could overflow; the longest delay is reached long before.
        return min(self.longest, self.first * self.factor ** min(failures, 64))
