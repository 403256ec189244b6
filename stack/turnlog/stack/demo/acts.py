"""When what happens in a show: shares of its length."""

from dataclasses import dataclass

ROLLOUT = 0.40
ROLLBACK = 0.72
_SLOW = (0.45, 0.60)


@dataclass(frozen=True)
class Acts:
    """The plan of a show.

    Attributes:
        began: When it began, in seconds on a clock that never goes back.
        seconds: How long chats are begun.
    """

    began: float
    seconds: float

    def over(self, now: float) -> bool:
        """Tell whether no more chats are begun."""
        return now >= self.began + self.seconds

    def candidate_serves(self, now: float) -> bool:
        """Tell whether the new version is rolled out and not yet rolled back."""
        return ROLLOUT <= self._share(now) < ROLLBACK

    def slow(self, now: float) -> bool:
        """Tell whether it is the provider's slow time."""
        return _SLOW[0] <= self._share(now) < _SLOW[1]

    def until(self, share: float, now: float) -> float:
        """Return the seconds left until a share of the show is over; 0 if it is."""
        return max(0.0, self.began + share * self.seconds - now)

    def _share(self, now: float) -> float:
        return (now - self.began) / self.seconds
