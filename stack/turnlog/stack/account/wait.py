"""Waits for the account to balance."""

from collections.abc import Callable
from dataclasses import dataclass

from turnlog.schemas import TransientError
from turnlog.stack.account.entry import Account
from turnlog.stack.account.underway import UnderWay

_PAUSE_SECONDS = 0.25


@dataclass(frozen=True)
class Clock:
    """Time, for :func:`settle`.

    Attributes:
        now: Seconds on a clock that never goes back.
        sleep: Blocks for some seconds.
    """

    now: Callable[[], float]
    sleep: Callable[[float], None]


def settle(read: Callable[[], Account], under_way: UnderWay, *, wait: float, clock: Clock) -> Account:
    """Return the account once it balances, or as it stands when the wait is over.

    Without looking at what is under way, an account would balance before the first event has arrived.

    Args:
        read: Reads the account as it stands.
        under_way: What had been sent by now.
        wait: Most seconds to wait.
        clock: Time.

    Raises:
        QueryError: As `read` does.
        ServerAwayError: As `read` does.
    """
    give_up = clock.now() + wait
    read()  # only to hear at once when it can't be read
    while True:
        through, trouble = _look(under_way)
        late = clock.now() >= give_up
        if through or late:
            account = read().model_copy(update={"under_way": under_way.left, "under_way_error": trouble})
            if account.balanced or late:
                return account
        clock.sleep(min(_PAUSE_SECONDS, max(0.0, give_up - clock.now())))


def _look(under_way: UnderWay) -> tuple[bool, str | None]:
    try:
        return under_way.look(), None
    except TransientError as error:
        return False, str(error)
