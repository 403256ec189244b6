"""Waiting for what Kafka brings about by itself within moments: a group's coordinator, a partition's leader."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import tenacity
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined] # its stubs do not export it

_PAUSE = 0.2
_PASSING = frozenset(
    {
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        # librdkafka's own word (not the broker's) for partitions none of which has a leader yet.
        KafkaError._NOENT,  # noqa: SLF001 - its public name, in spite of the bar
    }
)
_T = TypeVar("_T")


def patiently(ask: Callable[[], _T], seconds: float) -> _T:
    """Ask Kafka again, for some seconds, while a group has no coordinator or a partition no leader.

    So it is in the first second of a broker's life, and of a topic's.

    Raises:
        KafkaException: If that does not pass, or for another reason.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_is_passing),
        wait=tenacity.wait_fixed(_PAUSE),
        stop=tenacity.stop_after_delay(seconds),
        reraise=True,
    )
    return retrying(ask)


def await_leaders(admin: AdminClient, topics: Mapping[str, int], seconds: float) -> None:
    """Block until all partitions of new topics answer: Kafka makes a topic known a moment before it can be used.

    Args:
        admin: How to ask.
        topics: How many partitions each has, by full name.
        seconds: How long to wait.

    Raises:
        KafkaException: If one does not answer by then.
    """
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call] # the library's
    places = {TopicPartition(name, number): latest for name, count in topics.items() for number in range(count)}

    def ask() -> None:
        for answer in admin.list_offsets(places, request_timeout=seconds).values():
            answer.result(seconds)

    if places:
        patiently(ask, seconds)


def _is_passing(error: BaseException) -> bool:
    return isinstance(error, KafkaException) and error.args[0].code() in _PASSING
