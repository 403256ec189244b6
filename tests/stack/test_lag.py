import pytest

from turnlog.schemas import PROCESSORS, SINKS, raw_topics
from turnlog.sinks.routes import ROUTES
from turnlog.stack.lag import GROUPS, Lag, distance
from turnlog.stack.report import LagReport, summarize


@pytest.mark.parametrize(
    ("committed", "begin", "end", "behind"),
    [
        (None, 0, 7, 7),  # never committed: all that there is
        (None, 5, 7, 2),
        (6, 0, 7, 1),
        (3, 5, 7, 2),  # retention has taken what was behind
        (7, 0, 7, 0),
        (9, 0, 7, 0),  # the topic was made anew
    ],
)
def test_distance(committed: int | None, begin: int, end: int, behind: int) -> None:
    assert distance(committed, begin, end) == behind


def test_partitions_are_added_up_and_unused_topics_left_out() -> None:
    lags = [
        Lag("g", "a", 0, 3, 5, 2),
        Lag("g", "a", 1, None, 4, 4),
        Lag("g", "b", 0, None, 0, 0),
        Lag("h", "a", 0, 5, 5, 0),
    ]
    assert summarize(lags) == (
        LagReport(group="g", topic="a", partitions=2, end=9, lag=6),
        LagReport(group="h", topic="a", partitions=1, end=5, lag=0),
    )


def test_groups_are_measured_on_what_they_read() -> None:
    assert GROUPS[SINKS] == set(ROUTES)
    assert GROUPS[PROCESSORS] == {topic.name for topic in raw_topics()}
