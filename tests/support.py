"""What tests of several stages share."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], timeout: float = 30.0, interval: float = 0.05) -> T:
    """Ask again and again until the answer is true, and return it.

    An AssertionError in the condition counts as "not yet"; after `timeout` seconds it is the test's failure.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            answer = condition()
            if answer:
                return answer
            failure = AssertionError(f"still {answer!r} after {timeout:g} s")
        except AssertionError as error:
            failure = error
        if time.monotonic() > deadline:
            raise failure
        time.sleep(interval)
