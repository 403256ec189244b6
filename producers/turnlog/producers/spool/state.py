"""What a producer says of itself on disk, so that the next process can account for it after a crash.

Every number that a producer has given out ends in exactly one of four classes: refused because the queue was full;
``settled``, that is delivered or dropped without ever having been on disk; in the spool, which numbers its records by
an ordinal of their own; or in memory. What was in memory when the process died is what is left:

    crashed = numbered - queue_full - settled - written

Some of it may be in Kafka all the same (sent, and the answer not seen), so the account may then hold more than was
sent, never less.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

_SLOT = 2048


@dataclass(frozen=True)
class State:
    """A producer's counts at one moment.

    Attributes:
        turn: Counts the writings of the state itself.
        numbered: Sequence numbers given out.
        queue_full: How many of them were refused by the queue.
        settled: How many were delivered or dropped without having been on disk.
        written: Records ever written to the spool.
        handed: Records with a lower ordinal may have been handed to the Kafka client.
        done: Records with a lower ordinal are delivered or dropped.
        seen: Losses among records with a lower ordinal are in ``dropped`` already.
        dropped: Events lost, by reason, ``queue_full`` left out.
        closed: Whether the producer ended by itself: its own last report is delivered or among the records.
        reporting_ms: When somebody first tried to deliver the report on the producer's behalf; 0 for never.
    """

    turn: int = 0
    numbered: int = 0
    queue_full: int = 0
    settled: int = 0
    written: int = 0
    handed: int = 0
    done: int = 0
    seen: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    closed: bool = False
    reporting_ms: int = 0

    @property
    def crashed(self) -> int:
        """How many events were in memory and in none of the other classes."""
        return max(0, self.numbered - self.queue_full - self.settled - self.written)


_INTEGERS = tuple(each.name for each in fields(State) if each.type == "int")


class StateFile:
    """Holds the last two states in turns, each with a checksum, so that one is whole whatever happens.

    It is written by one system call and not mapped into memory: a store to a mapped page may wait for the disk with the
    interpreter's lock held, and kills the process when the disk is full or the file cut.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def write(self, state: State) -> None:
        """Write a state.

        Raises:
            OSError: If the disk does not take it.
        """
        text = json.dumps(asdict(state), separators=(",", ":")).encode()
        slot = f"{zlib.crc32(text):08x} ".encode() + text + b"\n"
        os.pwrite(self._fd, slot.ljust(_SLOT), state.turn % 2 * _SLOT)

    def read(self) -> State:
        """Return the newest whole state, or one that says nothing.

        Raises:
            OSError: If the disk does not give it.
        """
        found = [_parse(os.pread(self._fd, _SLOT, slot * _SLOT)) for slot in (0, 1)]
        return max((each for each in found if each is not None), key=lambda each: each.turn, default=State())

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)


def _parse(slot: bytes) -> State | None:
    checksum, _, text = slot.rstrip().partition(b" ")
    if f"{zlib.crc32(text):08x}".encode() != checksum:
        return None
    try:
        found = json.loads(text)
        dropped = {str(reason): int(count) for reason, count in found["dropped"].items()}
        return State(**{name: int(found[name]) for name in _INTEGERS}, dropped=dropped, closed=bool(found["closed"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # of another version
