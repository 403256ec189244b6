"""What has to be there before a worker joins its group: Kafka, and topics whose partitions line up."""

from __future__ import annotations

from collections.abc import Callable

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from turnlog.schemas import TOPICS, KafkaConnection

PAUSE_SECONDS = 1.0


def await_topics(
    connection: KafkaConnection,
    say: Callable[[str], None],
    pause: Callable[[float], bool],
    client: AdminClient | None = None,
) -> bool:
    """Block until Kafka answers and all topics exist with partitions that line up.

    Containers start all at once: what is missing now may be made by a neighbour in a moment. What is waited for is said
    once, and again when it changes.

    Args:
        connection: How to reach Kafka.
        say: Told in a sentence what is being waited for.
        pause: Waits that many seconds; returns True if the wait is to end.
        client: The client to ask, where there is one already.

    Returns:
        Whether all is well; False if the wait was ended.
    """
    admin = client or AdminClient(connection.librdkafka(log_level=0, reconnect_backoff_max_ms=1000))
    said = ""
    while True:
        problem = find_problem(admin, connection)
        if problem is None:
            return True
        if problem != said:
            said = problem
            say(problem)
        if pause(PAUSE_SECONDS):
            return False


def find_problem(admin: AdminClient, connection: KafkaConnection) -> str | None:
    """Return a sentence on what is not ready, or None; blocks for some seconds at most."""
    try:
        found = {name: len(topic.partitions) for name, topic in admin.list_topics(timeout=5.0).topics.items()}
    except KafkaException as error:
        return f"waiting for Kafka at {connection.bootstrap_servers}: {error.args[0].str()}"
    missing = [connection.prefix + topic.name for topic in TOPICS if connection.prefix + topic.name not in found]
    if missing:
        return f"waiting for {len(missing)} missing topics, {missing[0]} first: run `turnlog topics apply`"
    counts = {
        connection.prefix + topic.name: found[connection.prefix + topic.name]
        for topic in TOPICS
        if topic.partitions is None
    }
    most = max(counts.values())
    fewer = [name for name, count in counts.items() if count < most]
    if fewer:
        return (
            f"waiting for topics to have equal numbers of partitions: {fewer[0]} has {counts[fewer[0]]},  "
            f"others have {most}: run `turnlog topics apply --partitions {most}`"
        )
    return None
