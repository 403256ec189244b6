"""Ids: UUIDv7 for events, W3C trace and span ids."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID, uuid5

from turnlog.producers.isa import is_a


class Ids:
    """Makes ids that nobody else makes, without a system call for each.

    Args:
        now_ns: Clock for UUIDv7, nanoseconds since 1970.
        source: Random numbers; by default a generator seeded by the system, and again after a fork.
    """

    def __init__(self, now_ns: Callable[[], int] = time.time_ns, source: random.Random | None = None) -> None:
        self._now_ns = now_ns
        self._given = source
        self.reseed()

    def reseed(self) -> None:
        """Take new randomness from the system, so that a forked child does not repeat its parent's ids."""
        # Ids are to be unique, not secret: a Mersenne twister seeded with 32 bytes of the system's will do.
        self._random = self._given or random.Random(os.urandom(32))  # noqa: S311 - same

    def event(self) -> str:
        """Return a new UUIDv7."""
        # As uuid7 of turnlog.schemas makes them, in one go: a caller waits for this one.
        # One bit above what is wanted keeps leading zeros; hex is the quickest way, and puts "0x" before it.
        when = hex(self._now_ns() // 1_000_000 & 0xFFFF_FFFF_FFFF | 1 << 48)
        bits = hex(self._random.getrandbits(74) | 1 << 76)
        return f"{when[3:11]}-{when[11:]}-7{bits[4:7]}-{_VARIANTS[bits[3]]}{bits[7:10]}-{bits[10:]}"

    def trace(self) -> str:
        """Return a new W3C trace id: 32 lower-case hexadecimal digits, not all zero."""
        return hex((self._random.getrandbits(128) or 1) | 1 << 128)[3:]

    def span(self) -> str:
        """Return a new W3C span id: 16 lower-case hexadecimal digits, not all zero."""
        return hex((self._random.getrandbits(64) or 1) | 1 << 64)[3:]


_VARIANTS = {"0": "8", "1": "9", "2": "a", "3": "b"}
"""Two random bits as a digit, and behind the two bits that say how the rest is laid out (RFC 9562, section 4.1)."""


class TraceParent(NamedTuple):
    """The W3C ``traceparent`` header, taken apart (https://www.w3.org/TR/trace-context/)."""

    trace_id: str
    span_id: str

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-01"

    @classmethod
    def parse(cls, header: object) -> TraceParent | None:
        """Read the header; None if it is missing or malformed."""
        found = _TRACEPARENT.fullmatch(header.strip()) if is_a(header, str) else None
        if found is None or not found["trace"].strip("0") or not found["span"].strip("0") or found["version"] == "ff":
            return None
        return cls(found["trace"], found["span"])


# Later versions of the standard may add parts behind the flags.
_TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}(-.*)?", re.ASCII
)


def event_id(given: object) -> str:
    """Return a given id as a UUID; text that is none is hashed into one, always the same."""
    if is_a(given, UUID):
        return str(given)
    try:
        text = str(given)
    except Exception:  # noqa: BLE001 - a value's own __str__ may do anything
        text = ""
    try:
        return str(UUID(text))
    except ValueError:
        return str(uuid5(_NAMESPACE, text.encode("utf-8", "replace").decode()))


_NAMESPACE = UUID("6f3c1b0e-8c55-5d0f-9b61-2f3f6d8c4a17")
"""Of ids made of other ids; must never change."""
