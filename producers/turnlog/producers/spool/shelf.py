"""What waits in memory: for the next writing, or for a disk that works."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from turnlog.producers.spool.desk import Desk, Placed
from turnlog.producers.spool.handed import Cargo, Handed
from turnlog.producers.spool.journal import Draft
from turnlog.producers.spool.record import OVERHEAD

_BATCH = 256


class Shelf:
    """Cargoes in order, until they are on disk or handed over.

    Args:
        desk: Writes them down.

    Attributes:
        size: About how many bytes they have.
    """

    def __init__(self, desk: Desk) -> None:
        self.size = 0
        self._desk = desk
        self._cargoes: deque[Cargo] = deque()

    def __len__(self) -> int:
        return len(self._cargoes)

    def put(self, cargo: Cargo) -> None:
        """Put one behind the others."""
        self._cargoes.append(cargo)
        self.size += len(cargo.message.value)

    def first(self) -> Cargo:
        """Return the first."""
        return self._cargoes[0]

    def take(self) -> Cargo:
        """Take the first away."""
        cargo = self._cargoes.popleft()
        self.size -= len(cargo.message.value)
        return cargo

    def write(self, refuse: Callable[[Cargo], None]) -> int:
        """Write down what there is, as far as the spool is not full and the disk takes it.

        Args:
            refuse: Called with what the spool has no room for.

        Returns:
            How many events were written, reports left out.
        """
        events = 0
        while self._cargoes:
            batch = self._next_batch(refuse)
            written = self.write_at_once(batch)
            events += sum(not batch[place].report for place in written)
            if len(written) < len(batch):
                self._put_back([each for place, each in enumerate(batch) if place not in written])
                break
        return events

    def write_at_once(self, batch: list[Cargo]) -> Placed:
        """Write cargoes down as waiting; returns which of them the disk took."""
        written = self._desk.write([Draft(each.sequence, 0, each.priority, each.message) for each in batch])
        for place in written:
            if batch[place].report:
                self._desk.remember_report(batch[place].sequence)
        return written

    def _next_batch(self, refuse: Callable[[Cargo], None]) -> list[Cargo]:
        batch: list[Cargo] = []
        size = 0
        while self._cargoes and len(batch) < _BATCH:
            cargo = self.take()
            length = len(cargo.message.value) + OVERHEAD
            if self._desk.admits(cargo.priority, size + length):
                size += length
                batch.append(cargo)
            else:
                refuse(cargo)
        return batch

    def _put_back(self, cargoes: Iterable[Cargo]) -> None:
        back = list(cargoes)
        self._cargoes.extendleft(reversed(back))
        self.size += sum(len(each.message.value) for each in back)


def write_handed(desk: Desk, handed: Iterable[Handed], before_ns: int | None) -> int:
    """Write down what was handed over, is not done, and is on no disk.

    Args:
        desk: Writes it down.
        handed: What was handed over, in order.
        before_ns: Only what was handed over before this moment on the monotonic clock; None for all.

    Returns:
        How many events were written, reports left out.
    """
    late = []
    for each in handed:
        if before_ns is not None and each.at_ns >= before_ns:
            break
        if not each.done and each.segment is None and each.cargo.estate is None:
            late.append(each)
    drafts = [Draft(each.cargo.sequence, each.wall_ms, each.cargo.priority, each.cargo.message) for each in late]
    written = desk.write(drafts)
    for place, (index, segment) in written.items():
        late[place].index, late[place].segment = index, segment
    return sum(not late[place].cargo.report for place in written)
