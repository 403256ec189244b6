"""Clocks, as arguments: wall time says when, monotonic time says how long."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


def _wall_us() -> int:
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Clock:
    """Where a client reads the time.

    Attributes:
        wall_us: Microseconds since 1970 UTC; may jump.
        monotonic_ns: Nanoseconds since some moment; never goes back.
    """

    wall_us: Callable[[], int] = _wall_us
    monotonic_ns: Callable[[], int] = time.monotonic_ns
