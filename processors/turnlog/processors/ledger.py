"""Which batches are out, which are done, and how far each partition may be committed.

Faust's own bookkeeping fills the gaps between acknowledged offsets, and it acknowledges messages that it skips while
partitions move. With whole polls as messages both can commit records that nobody processed. So the consumer keeps this
ledger instead, and its two rules are the whole of it:

* A partition is committed up to the end of the unbroken run of finished batches since the last seek, and no further.
* Whenever positions may have moved (revocation, assignment, seek) everything out is forgotten: a batch from before
  neither counts as finished nor may go on being processed, because its records will be read again.
"""

from __future__ import annotations

from collections import defaultdict, deque

TopicPartition = tuple[str, int]


class Ledger:
    """Tracks batches per partition; not thread-safe: it lives on the event loop."""

    def __init__(self) -> None:
        self.epoch = 0
        self._out: defaultdict[TopicPartition, deque[int]] = defaultdict(deque)
        self._done: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}

    def forget(self) -> None:
        """Begin a new epoch: positions have moved, or are about to."""
        self.epoch += 1
        self._out.clear()
        self._done.clear()
        self._committed.clear()

    def deliver(self, partition: TopicPartition, last: int) -> None:
        """Note that records up to this offset were handed out."""
        self._out[partition].append(last)

    def outstanding(self, partition: TopicPartition) -> int:
        """Return how many batches of the partition are handed out and not finished."""
        return len(self._out[partition]) if partition in self._out else 0

    def is_next(self, partition: TopicPartition, epoch: int, last: int) -> bool:
        """Tell whether that batch is the oldest unfinished one of its partition, and still of this epoch.

        Only such a batch may write: its outputs continue where the previous batch's ended.
        """
        out = self._out.get(partition)
        return epoch == self.epoch and bool(out) and out is not None and out[0] == last

    def finish(self, partition: TopicPartition, epoch: int, last: int) -> bool:
        """Note that all of a batch's outputs are in Kafka; returns False if it no longer counts."""
        if not self.is_next(partition, epoch, last):
            return False
        self._out[partition].popleft()
        self._done[partition] = last + 1
        return True

    def committable(self) -> dict[TopicPartition, int]:
        """Return the offsets to commit, each one behind the last finished record, where they have moved."""
        return {each: offset for each, offset in self._done.items() if self._committed.get(each) != offset}

    def committed(self, epoch: int, offsets: dict[TopicPartition, int]) -> None:
        """Note offsets that the group coordinator has taken in this epoch."""
        if epoch == self.epoch:
            self._committed.update(offsets)
