"""Waiting for what Kafka brings about by itself within moments: a group's coordinator, a partition's leader."""

from collections.abc import Callable, Collection, Mapping
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
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.REPLICA_NOT_AVAILABLE,
    }
)
# librdkafka's own words (not the broker's) for leaders that it does not know yet, and for an answer that is late.
_UNKNOWN = frozenset({KafkaError._NOENT, KafkaError._TIMED_OUT})  # noqa: SLF001 - public names, in spite of the bar
_ATTEMPT = 3.0
_T = TypeVar("_T")


def patiently(ask: Callable[[], _T], seconds: float, also: Collection[int] = ()) -> _T:
    """Ask Kafka again, for some seconds, while a group has no coordinator or a partition no leader.

    So it is in the first second of a broker's life, and of a topic's.

    Args:
        ask: Asks.
        seconds: For how long.
        also: Codes of other errors that pass.

    Raises:
        KafkaException: If that does not pass, or for another reason.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: _code(error) in _PASSING or _code(error) in also),
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
        # Asked for all topics, not for these: librdkafka keeps in mind for half a minute that it was told of none, and
        # looks for leaders in that.
        known = admin.list_topics(timeout=seconds).topics
        for name, count in topics.items():
            partitions = known[name].partitions.values() if name in known else ()
            if sum(each.leader >= 0 for each in partitions) < count:
                raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE, f"{name} has partitions without one"))
        for answer in admin.list_offsets(places, request_timeout=_ATTEMPT).values():
            answer.result(seconds)

    if places:
        patiently(ask, seconds, also=_UNKNOWN)


def _code(error: BaseException) -> int | None:
    return error.args[0].code() if isinstance(error, KafkaException) else None
