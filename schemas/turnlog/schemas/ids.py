"""Time-ordered ids: UUIDv7 by RFC 9562, section 5.7."""

from __future__ import annotations

import os
import time
from collections.abc import Callable


def uuid7(now_ns: Callable[[], int] = time.time_ns, randomness: Callable[[int], bytes] = os.urandom) -> str:
    """Return a new UUIDv7: 48 bits of Unix milliseconds, then 74 random bits.

    Args:
        now_ns: Clock, nanoseconds since 1970.
        randomness: Returns that many random bytes.
    """
    milliseconds = now_ns() // 1_000_000
    random = int.from_bytes(randomness(10), "big")
    value = (
        (milliseconds & 0xFFFF_FFFF_FFFF) << 80
        | 0x7 << 76
        | (random >> 68 & 0xFFF) << 64
        | 0b10 << 62
        | random & 0x3FFF_FFFF_FFFF_FFFF
    )
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
