"""The caller's side: events get their number and wait, or are refused and counted. Nothing here blocks or raises."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Event as Flag
from threading import RLock
from typing import NamedTuple, Protocol

from turnlog.producers.event import Event
from turnlog.producers.kinds import Fields, Kind, Priority
from turnlog.producers.limits import Limits

_EVENT_BYTES = 1024
"""About what an event takes beside its texts."""

_SHARE = {Priority.LOW: 0.75, Priority.NORMAL: 1.0, Priority.HIGH: 1.25}


class Barrier:
    """Stands in the queue behind the events that a flush or close is about.

    Args:
        deadline_ns: When, on the monotonic clock, waiting for them ends.
        closing: Whether the worker ends here.

    Attributes:
        reached: Set when the events before it are delivered or given up, or the deadline is over.
    """

    def __init__(self, deadline_ns: int, *, closing: bool = False) -> None:
        self.deadline_ns = deadline_ns
        self.closing = closing
        self.reached = Flag()


class Numbers(NamedTuple):
    """The counts of an intake at one moment.

    Attributes:
        next_sequence: How many sequence numbers have been given out.
        accepted: How many events are or were in the queue.
        queue_full: How many were refused because it was full; they have numbers.
        closed: How many came after the close; they have none.
    """

    next_sequence: int
    accepted: int
    queue_full: int
    closed: int


class Cells(Protocol):
    """Where counts can be stored; that must neither block nor fail."""

    def __setitem__(self, cell: int, count: int, /) -> None:
        """Store a count."""


class Intake:
    """A bounded queue in which events stand in the order of their sequence numbers.

    Args:
        limits: How much may wait.
        wake: Called, without the lock, when something came while the worker slept.
    """

    def __init__(self, limits: Limits, wake: Callable[[], None]) -> None:
        self.asleep = True
        self._room = tuple(int(limits.queue_events * _SHARE[each]) for each in Priority)
        self._room_bytes = tuple(int(limits.queue_bytes * _SHARE[each]) for each in Priority)
        self._wake = wake
        # A signal's handler, a finaliser or a log handler may log in the middle of put, in the same thread: it passes
        # the lock, finds it busy, and leaves its event beside the queue for the interrupted put to take in.
        self._lock = RLock()
        self._busy = False
        self._beside: deque[tuple[Kind, Fields, int, int]] = deque()
        self._items: deque[Event | Barrier] = deque()
        self._next = self._accepted = self._full = self._late = 0
        self._bytes_in = self._bytes_out = 0
        self._closed = False
        self._tally: Cells | None = None

    def put(self, kind: Kind, fields: Fields, observed_time: int, size: int) -> None:
        """Queue an event, or count it as dropped. Takes about a microsecond."""
        with self._lock:
            if self._busy:
                self._beside.append((kind, fields, observed_time, size))
                return
            self._busy = True
            try:
                self._admit(kind, fields, observed_time, size + _EVENT_BYTES)
            finally:
                self._busy = False
            while self._beside:
                self.put(*self._beside.popleft())
        if self.asleep:
            self.asleep = False  # one signal is enough
            self._wake()

    def _admit(self, kind: Kind, fields: Fields, observed_time: int, size: int) -> None:
        if self._closed:
            self._late += 1
            return
        sequence = self._next
        self._next = sequence + 1
        if self._tally is not None:
            self._tally[0] = sequence + 1
        priority = kind.priority
        waiting = self._bytes_in - self._bytes_out + size
        if len(self._items) >= self._room[priority] or waiting > self._room_bytes[priority]:
            self._full += 1
            if self._tally is not None:
                self._tally[1] = self._full
            return
        self._accepted += 1
        self._bytes_in += size
        self._items.append(tuple.__new__(Event, (sequence, kind, fields, observed_time, size)))  # in half the time

    def bar(self, barrier: Barrier) -> bool:
        """Put a barrier behind what is queued; False if the intake is closed. A closing barrier closes it."""
        with self._lock:
            if self._closed:
                return False
            self._closed = barrier.closing
            self._items.append(barrier)
        if self.asleep:
            self._wake()
        return True

    def shut(self) -> None:
        """Count all later events as dropped."""
        with self._lock:
            self._closed = True

    def take(self) -> Event | Barrier | None:
        """Return what is first in the queue, or None; for the worker only."""
        try:
            item = self._items.popleft()
        except IndexError:
            return None
        if type(item) is Event:
            self._bytes_out += item.size  # written by this thread alone
        return item

    @property
    def refused(self) -> int:
        """How many events were refused because the queue was full."""
        return self._full

    def __len__(self) -> int:
        return len(self._items)

    def number(self) -> Numbers:
        """Take the next sequence number for an event that does not go through the queue; with the counts as of then."""
        with self._lock:
            self._busy = True
            try:
                numbers = self._numbers()
                self._next += 1
                if self._tally is not None:
                    self._tally[0] = self._next
            finally:
                self._busy = False
            while self._beside:
                self.put(*self._beside.popleft())
            return numbers

    def count_in(self, cells: Cells) -> None:
        """From now on keep the next sequence number and the refused in two cells too, where they outlive the process.

        Args:
            cells: Where to.
        """
        with self._lock:
            cells[0], cells[1] = self._next, self._full
            self._tally = cells

    def numbers(self) -> Numbers:
        """Return the counts of this moment."""
        with self._lock:
            return self._numbers()

    def _numbers(self) -> Numbers:
        return Numbers(self._next, self._accepted, self._full, self._late)
