"""How far the consumer groups are behind: what is in their topics and not committed yet."""

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined] # its stubs do not export it

from turnlog.schemas import PROCESSORS, RIGHTS, SINKS, TOPICS, KafkaConnection, TransientError
from turnlog.stack.leaders import patiently

GROUPS: Mapping[str, frozenset[str]] = {
    PROCESSORS: frozenset(topic.name for topic in TOPICS if topic.name.startswith("raw.")),
    SINKS: frozenset(
        topic.name for topic in TOPICS if not topic.name.startswith("raw.") and topic.name not in {"schemas", "privacy"}
    ),
    RIGHTS: frozenset({"privacy"}),
}
"""The stages whose groups make up a pipeline, and the topics (without prefix) that each reads to the end."""

_TIMEOUT = 3.0
_T = TypeVar("_T")


@dataclass(frozen=True, order=True)
class Lag:
    """A group's distance from the end of a partition.

    Attributes:
        group: The consumer group.
        topic: Full name, prefix included.
        partition: The partition.
        committed: The next offset that the group will read; None if it never committed one.
        end: The offset that the next message gets.
        behind: How many offsets lie between.
    """

    group: str
    topic: str
    partition: int
    committed: int | None
    end: int
    behind: int


def read_lag(connection: KafkaConnection) -> list[Lag]:
    """Ask Kafka for the lag of every partition that a group has to read. Blocks for some seconds at most.

    Raises:
        TransientError: Kafka does not answer.
    """
    admin = AdminClient(connection.librdkafka(log_level=0))
    try:
        places = [
            TopicPartition(name, number)
            for name, topic in admin.list_topics(timeout=_TIMEOUT).topics.items()
            if name.startswith(connection.prefix)
            for number in topic.partitions
        ]
        committed = {stage: _committed(connection, connection.group(stage), places) for stage in GROUPS}
        earliest, latest = OffsetSpec.earliest(), OffsetSpec.latest()  # type: ignore[no-untyped-call] # the library's
        begins = patiently(lambda: _offsets(admin, places, earliest), _TIMEOUT)
        ends = patiently(lambda: _offsets(admin, places, latest), _TIMEOUT)
    except (KafkaException, TimeoutError) as error:
        reason = error.args[0].str() if isinstance(error, KafkaException) else "too slow"
        raise TransientError(f"Kafka at {connection.bootstrap_servers} does not answer: {reason}") from error
    return sorted(
        Lag(
            group=connection.group(stage),
            topic=place[0],
            partition=place[1],
            committed=committed[stage].get(place),
            end=end,
            behind=distance(committed[stage].get(place), begins[place], end),
        )
        for stage, names in GROUPS.items()
        for place, end in ends.items()
        if place[0].removeprefix(connection.prefix) in names
    )


def distance(committed: int | None, begin: int, end: int) -> int:
    """Compute one lag: a group reads from the first offset there is, or from what it committed if that is later."""
    return max(0, end - max(begin, committed or 0))


def _committed(connection: KafkaConnection, group: str, places: list[TopicPartition]) -> dict[tuple[str, int], int]:
    # A consumer that subscribes to nothing does not join its group. AdminClient.list_consumer_group_offsets would do
    # too, but while a broker starts (NOT_COORDINATOR) it kills the process: librdkafka hands the answer to a group that
    # an admin client does not have.
    consumer = Consumer(connection.librdkafka(group_id=group, enable_auto_commit=False, log_level=0))
    try:
        answers = patiently(lambda: consumer.committed(places, timeout=_TIMEOUT), _TIMEOUT) if places else []
    finally:
        consumer.close()
    return {(one.topic, one.partition): one.offset for one in answers if one.offset >= 0}


def _offsets(admin: AdminClient, places: list[TopicPartition], which: OffsetSpec) -> dict[tuple[str, int], int]:
    answers = admin.list_offsets(dict.fromkeys(places, which), request_timeout=_TIMEOUT) if places else {}
    return {(place.topic, place.partition): _result(answer).offset for place, answer in answers.items()}


def _result(future: "Future[_T]") -> _T:
    return future.result(_TIMEOUT + 1)
