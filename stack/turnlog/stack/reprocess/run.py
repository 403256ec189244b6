"""The order in which rows are replaced, so that whatever dies, none is lost and none stays twice.

New rows are inserted; it is looked whether they are there; then the rows of the same coordinates with another stamp are
deleted. Killed in between, a batch has both, and the same command, run again, finds the new and deletes the old.
Nothing else is remembered. Between the two statements, a fraction of a second, a plain count sees a batch's rows twice;
the other order would have them missing, and for good if nobody ran the command again.

Only what is stored is replaced: so what was erased, has expired, or was never taken stays away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from turnlog.processors.batch import Batch
from turnlog.schemas import Topic
from turnlog.stack.reprocess.counts import Counts
from turnlog.stack.reprocess.raw import RawRange
from turnlog.stack.reprocess.refining import Refined, Refining
from turnlog.stack.reprocess.table import NotStoredError, Stored, Table

Coordinate = tuple[int, int]


def reprocess(
    topic: Topic,
    raw: RawRange,
    refining: Refining,
    table: Table,
    *,
    dry_run: bool = False,
    watch: Callable[[Counts], None] = lambda _: None,
) -> Counts:
    """Refine a topic's records anew and replace their rows; blocks until it is done. Safe to repeat, and to kill.

    Panes, rolling windows, the account and Kafka's clean topics stay as they are.

    Args:
        topic: The raw topic.
        raw: Its records.
        refining: Refines them.
        table: Where their rows are.
        dry_run: Only count what would be replaced.
        watch: Told after every batch how far it is.

    Raises:
        TransientError: Kafka or ClickHouse does not answer; run it again.
    """
    counts = Counts()
    deleted = False
    for batch in raw.batches():
        deleted |= _batch(topic, batch, refining, table, counts, dry_run=dry_run)
        watch(counts)
    if deleted:
        table.purge()
    return counts


def _batch(topic: Topic, batch: Batch, refining: Refining, table: Table, counts: Counts, *, dry_run: bool) -> bool:
    """Replace a batch's rows; tell whether something was deleted."""
    coordinates = [(each.offset, each.timestamp_ms) for each in batch.records]
    stored = table.stored(batch.partition, coordinates)
    chosen = [
        each
        for each, place in zip(batch.records, coordinates, strict=True)
        if place in stored and not stored[place].held
    ]
    refined = refining.refine(topic, batch.partition, chosen)
    stale = [each for each in refined if stored[_place(each)].stamps != {each.stamp}]
    counts.read += len(batch.records)
    counts.absent += len(batch.records) - len(stored)
    counts.held += len(stored) - len(chosen)
    counts.failed += len(chosen) - len(refined)
    counts.current += len(refined) - len(stale)
    counts.replaced += len(stale)
    if dry_run or not stale:
        return False
    missing = [each for each in stale if each.stamp not in stored[_place(each)].stamps]
    if missing:
        table.insert(batch.partition, missing)
        _check(stale, table.stored(batch.partition, coordinates))
    by_stamp: dict[str, list[Coordinate]] = defaultdict(list)
    for each in stale:
        by_stamp[each.stamp].append(_place(each))
    for stamp, places in by_stamp.items():
        table.delete_others(batch.partition, places, stamp)
    return True


def _check(refined: Sequence[Refined], stored: Mapping[Coordinate, Stored]) -> None:
    absent = [each.offset for each in refined if each.stamp not in stored.get(_place(each), Stored()).stamps]
    if absent:
        raise NotStoredError(f"{len(absent)} rows, offset {absent[0]} first, are not there after they were inserted")


def _place(refined: Refined) -> Coordinate:
    return refined.offset, refined.timestamp_ms
