from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from processors.stats.events import NOW_US, call, source
from turnlog.processors.stats.book import CALLS, MARGIN_US, Change, Changes, Event, PaneBook, PaneCodec
from turnlog.processors.stats.pane import LATENESS_US, PANE_US
from turnlog.schemas import SchemaStore

CODEC = PaneCodec(SchemaStore())
Log = list[Change]


def event(offset: int, model: str = "a", at: int = NOW_US) -> Event:
    return Event(call(at, request_model=model, duration_us=offset + 1), source(offset, max(at, NOW_US)))


def write(changes: Changes, log: Log) -> None:
    log.extend(changes.entries)


def step(book: PaneBook, events: Sequence[Event], log: Log) -> Changes:
    changes = book.fold(CALLS, events)
    write(changes, log)
    book.confirm(changes)
    return changes


def restored(log: Sequence[Change]) -> PaneBook:
    book = PaneBook(CODEC)
    for entry in log:
        book.load(entry.key, entry.value, entry.mark)
    return book


def final(log: Sequence[Change]) -> dict[bytes, bytes]:
    """What a reader keeps: the highest version of each pane."""
    best: dict[bytes, bytes] = {}
    for key, _, value, _ in log:
        if key not in best or CODEC.decode(best[key]).last_offset < CODEC.decode(value).last_offset:
            best[key] = value
    return best


def counted(log: Sequence[Change]) -> tuple[int, int]:
    panes = [CODEC.decode(value).totals for value in final(log).values()]
    return sum(pane.calls for pane in panes), sum(pane.latency_sum_us for pane in panes)


def test_a_copy_that_belongs_to_another_pane_is_not_counted_again() -> None:
    book, log = PaneBook(CODEC), Log()
    step(book, [event(0), event(1)], log)
    step(restored(log), [event(0, "registered meanwhile"), event(1, "registered meanwhile"), event(2)], log)
    assert counted(log) == (3, 6)


def test_a_mark_is_only_raised_by_the_last_pane_of_a_batch() -> None:
    book, log = PaneBook(CODEC), Log()
    changes = step(book, [event(0, "a"), event(1, "b"), event(2, "a")], log)
    assert [change.mark for change in changes.entries] == [-1, 2]
    assert restored(log[:1]).mark == -1
    assert restored(log).mark == 2


def test_an_older_version_that_stands_later_in_the_log_is_passed_over() -> None:
    book, log = PaneBook(CODEC), Log()
    step(book, [event(0)], log)
    step(book, [event(1)], log)
    assert restored(log[::-1]).get(log[0].key) == CODEC.decode(log[1].value)


def test_a_deleted_pane_is_gone() -> None:
    book, log = PaneBook(CODEC), Log()
    step(book, [event(0)], log)
    again = restored(log)
    again.load(log[0].key, None, -1)
    assert len(again) == 0


def test_panes_are_forgotten_when_nothing_can_change_them() -> None:
    book, log = PaneBook(CODEC), Log()
    step(book, [event(0)], log)
    closed = NOW_US + PANE_US + LATENESS_US + MARGIN_US
    step(book, [event(1, at=closed)], log)
    assert len(book) == 2
    step(book, [event(2, at=closed + PANE_US)], log)
    assert len(book) == 2
    assert book.get(log[0].key) is None
    assert counted(log) == (3, 6)


def clean_topic(models: Sequence[str], replays: Sequence[tuple[int, int]]) -> list[Event]:
    """Records in order, with repeated stretches that have meanwhile become another model's."""
    clean: list[Event] = []
    for offset, model in enumerate(models):
        clean.append(event(offset, model))
        for at, back in replays:
            if at == offset:
                clean.extend(event(again, f"copy {at}") for again in range(max(0, offset - back), offset + 1))
    return clean


@given(
    models=st.lists(st.sampled_from("abc"), min_size=1, max_size=40),
    replays=st.lists(st.tuples(st.integers(0, 39), st.integers(0, 12)), max_size=4),
    lives=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 5), st.integers(0, 9), st.integers(0, 9)), max_size=12),
)
def test_any_deaths_and_replays_count_every_event_once(
    models: list[str], replays: list[tuple[int, int]], lives: list[tuple[int, int, int, int]]
) -> None:
    """Workers that die between or within batches, before or after a commit, and cut other batches each time."""
    clean = clean_topic(models, replays)
    log, committed = Log(), 0
    for size, batches, cut, lag in lives:
        book, at = restored(log), committed
        for _ in range(batches):
            changes = book.fold(CALLS, clean[at : at + size])
            written = Log()
            write(changes, written)
            log.extend(written[:cut])
            if cut < len(written):
                break  # died within the batch
            book.confirm(changes)
            at += size
        committed = max(committed, min(at, len(clean)) - lag)
    book = restored(log)
    step(book, clean[committed:], log)
    assert counted(log) == (len(models), sum(range(1, len(models) + 1)))
    assert book.mark == len(models) - 1
    copied = [pane for pane in map(CODEC.decode, final(log).values()) if pane.key.dimensions.model.startswith("copy")]
    assert not copied
