"""One partition on its way into its table: what was read, what is sealed, how far it got."""

from __future__ import annotations

from collections import deque
from enum import Enum

from turnlog.sinks.batch import Batch, Item, Limits, cut
from turnlog.sinks.routes import Route
from turnlog.sinks.seal import Marks, Position


class Phase(Enum):
    """What a lane is doing."""

    GATHERING = "gathering"  # reading, or nothing to do
    CUT = "cut"  # a batch waits to be sealed
    SEALED = "sealed"  # a batch is sealed and waits to be stored
    STORING = "storing"  # a thread is at it


class Lane:
    """A partition's state; not to be used by two threads at once.

    Args:
        route: Where it goes.
        topic: The topic's full name.
        partition: The partition.
        position: What was committed with its offset.
        offset: The committed offset; None if there is none yet.
        limits: How large batches may be.
        linger: Seconds that a message waits for others.
    """

    def __init__(
        self,
        route: Route,
        topic: str,
        partition: int,
        position: Position,
        offset: int | None,
        *,
        limits: Limits,
        linger: float,
    ) -> None:
        self.route = route
        self.topic = topic
        self.partition = partition
        self.first = offset
        self.marks: Marks = dict(position.marks)
        self.pending = position if position.last is not None else None
        self.phase = Phase.GATHERING
        self.batch: Batch | None = None
        self.failures = 0
        self.retry_at = 0.0
        self.paused = False
        self.size = 0
        self._limits = limits
        self._linger = linger
        self._items: deque[Item] = deque()
        self._next = offset
        self._since = 0.0
        self._uncommitted_since: float | None = None
        self._read_to_end = False
        self._end = 0

    @property
    def next_offset(self) -> int | None:
        """The offset that is expected next; None before the first message of a partition without a commit."""
        return self._next

    @property
    def rows(self) -> int:
        """How many messages wait."""
        return len(self._items)

    def offer(self, item: Item, now: float) -> int:
        """Take the next message.

        Returns:
            How many offsets before it do not exist any more.
        """
        gone = 0
        if self._next is None:
            self.first = self._next = item.offset
        if item.offset < self._next:
            return 0  # read before
        gone = item.offset - self._next
        self._next = item.offset + 1
        if not self._items:
            self._since = now
        self._items.append(item)
        self.size += item.size
        self._read_to_end = False
        self._end = 0
        return gone

    def reached_end(self, offset: int, now: float) -> None:
        """Note that the partition has nothing at or above an offset."""
        self._read_to_end = True
        if self._next is None:
            self.first = self._next = offset
        self._end = offset
        self._pass_holes(now)

    @property
    def since(self) -> float:
        """When the message that waits longest came."""
        return self._since

    def is_due(self, now: float) -> bool:
        """Tell whether it is time to cut a batch."""
        if self.phase is not Phase.GATHERING or self.first is None:
            return False
        if self.pending is None:
            return bool(self._items) and self._is_enough(now)
        assert self.pending.last is not None
        return self._read_to_end or (bool(self._items) and self._items[-1].offset >= self.pending.last)

    def cut(self) -> None:
        """Cut a batch that is due."""
        assert self.first is not None
        place = (self.topic, self.partition, self.route.table)
        if self.pending is not None:
            self.batch = cut(self._items, self.marks, place, self.first, pending=self.pending)
            self.phase = Phase.SEALED  # the offset that is committed says so already
        else:
            self.batch = cut(self._items, self.marks, place, self.first, limits=self._limits)
            self.phase = Phase.CUT
        for _ in range(self.batch.taken):
            self.size -= self._items.popleft().size

    def sealed(self) -> Position:
        """Return what to commit, with the batch's first offset, before it is stored."""
        assert self.batch is not None
        seal = self.batch.seal
        return Position(self.batch.before, seal.last, seal.table, seal.schema)

    def stored(self, now: float) -> None:
        """Note that the batch is stored."""
        assert self.batch is not None
        self.first = self.batch.seal.last + 1
        self.marks = self.batch.after
        self._next = max(self._next or 0, self.first)
        self.batch = None
        self.pending = None
        self.phase = Phase.GATHERING
        self.failures = 0
        if self._uncommitted_since is None:
            self._uncommitted_since = now
        self._pass_holes(now)

    def owes_commit(self, now: float, patience: float) -> bool:
        """Tell whether its offset should be committed now, no batch that is sealed next doing so by the way."""
        since = self._uncommitted_since
        return since is not None and self.phase is Phase.GATHERING and now - since >= patience

    def committed(self) -> None:
        """Note that the offset before the batch, if there is one, is committed."""
        self._uncommitted_since = None

    def position(self) -> Position:
        """Return what to commit with the offset before which everything is stored."""
        return Position(self.marks)

    def is_full(self) -> bool:
        """Tell whether enough is read for the next batch and the one after it."""
        return len(self._items) >= 2 * self._limits.rows or self.size >= 2 * self._limits.size

    def is_low(self) -> bool:
        """Tell whether reading should go on after a pause."""
        return len(self._items) < self._limits.rows and self.size < self._limits.size

    def _pass_holes(self, now: float) -> None:
        """Where everything is stored, pass over offsets up to the end that are no messages, or they count as lag."""
        idle = self.phase is Phase.GATHERING and self.pending is None and not self._items
        if idle and self.route.holes and self._next is not None and self._end > self._next:
            self.first = self._next = self._end
            if self._uncommitted_since is None:
                self._uncommitted_since = now

    def _is_enough(self, now: float) -> bool:
        return (
            len(self._items) >= self._limits.rows or self.size >= self._limits.size or now - self._since >= self._linger
        )
