"""A parcel on its way: what the Kafka client was handed, and where it stands on disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from turnlog.producers.delivery.transport import Message
from turnlog.producers.spool.backlog import Segment
from turnlog.producers.spool.estate import Estate
from turnlog.producers.spool.publisher import Definition
from turnlog.schemas.headers import REDELIVERY

CHUNK = 100
"""Most records that are handed over between two looks at the transport."""


class Cargo(NamedTuple):
    """What is carried, without anything that is only needed before the hand-over.

    Attributes:
        message: The message, without the header that marks a redelivery.
        sequence: Its number among its producer's events.
        priority: How much it matters.
        report: Whether it is a report.
        estate: The dead producer that it comes from; None if it is this process's own.
    """

    message: Message
    sequence: int
    priority: int
    report: bool
    estate: Estate | None = None


class Handed:
    """A cargo in the Kafka client's hands; called with its delivery report.

    Args:
        cargo: What it is.
        at_ns: When it was handed over, on the monotonic clock.
        wall_ms: When it was first handed over, or no later, in milliseconds since 1970 UTC.
        index: Its record's index on disk; -1 if it has none.
        segment: The segment that its record is in.
        settle: Called with this and the error once its fate is known.

    Attributes:
        done: Whether nothing more is to be done about it.
        failed: Whether it must be handed over again.
    """

    __slots__ = ("at_ns", "cargo", "done", "failed", "index", "segment", "settle", "wall_ms")

    def __init__(
        self,
        cargo: Cargo,
        at_ns: int,
        wall_ms: int,
        settle: Callable[[Handed, Any], None],
        *,
        index: int = -1,
        segment: Segment | None = None,
    ) -> None:
        self.cargo = cargo
        self.at_ns = at_ns
        self.wall_ms = wall_ms
        self.settle = settle
        self.index = index
        self.segment = segment
        self.done = False
        self.failed = False

    def __call__(self, error: Any, message: Any) -> None:
        """Take the delivery report."""
        del message
        self.settle(self, error)


class Hand(Protocol):
    """Hands a cargo over."""

    def __call__(
        self, cargo: Cargo, wall_ms: int, index: int = -1, segment: Segment | None = None, *, mark: bool = False
    ) -> bool:
        """Hand it over; False if there is no room.

        Args:
            cargo: What.
            wall_ms: When it was first handed over, or no later, in milliseconds since 1970 UTC.
            index: Its record's index on disk.
            segment: The segment that its record is in.
            mark: Whether Kafka may have it already.
        """


Ready = Callable[[Message, Definition], bool]
"""Tells whether Kafka knows a message's schema, and sees to it if not."""


class Outstanding:
    """What the Kafka client has in its hands, in the order in which it was handed over.

    Attributes:
        size: About how many bytes.
    """

    def __init__(self) -> None:
        self.size = 0
        self._handed: deque[Handed] = deque()

    def __len__(self) -> int:
        return len(self._handed)

    def __iter__(self) -> Iterator[Handed]:
        return iter(self._handed)

    def add(self, handed: Handed) -> None:
        """Put one behind the others."""
        self._handed.append(handed)
        self.size += len(handed.cargo.message.value)

    def prune(self) -> int | None:
        """Forget what is done and has nothing undone before it; return since when the first has been out."""
        handed = self._handed
        while handed and handed[0].done:
            self.size -= len(handed.popleft().cargo.message.value)
        return handed[0].at_ns if handed else None

    def clear(self) -> None:
        """Forget all."""
        self._handed.clear()
        self.size = 0


def first_undone(handed: Iterable[Handed]) -> dict[Estate | None, int]:
    """Return the lowest index of what is on disk and not done, for each estate, and for this process's own by None."""
    found: dict[Estate | None, int] = {}
    for each in handed:
        if each.segment is not None and not each.done:
            found[each.cargo.estate] = min(each.index, found.get(each.cargo.estate, each.index))
    return found


def marked(message: Message, handed_ms: int) -> Message:
    """Return a message that says that Kafka may have it already, since that moment."""
    return message._replace(headers=[*message.headers, (REDELIVERY, str(handed_ms).encode())])
