"""The consumer of the sink workers, and what they wait for before they begin."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from turnlog.schemas import SINKS, KafkaConnection, TransientError
from turnlog.sinks.log import Changes
from turnlog.sinks.settings import SinkSettings

_COMMITTED_TIMEOUT = 15.0


def consumer(connection: KafkaConnection, settings: SinkSettings, topics: Iterable[str]) -> Consumer:
    """Return a consumer in the sinks' group: offsets by hand, static membership, cooperative rebalancing.

    A worker that was killed comes back under its name and goes on at once; if it stays away, its partitions move on
    after the session's timeout. Rebalancing leaves the partitions that stay where they are alone.

    Args:
        connection: How to reach Kafka.
        settings: The worker's settings.
        topics: What it will subscribe to.
    """
    member = connection.member(SINKS, settings.worker_id, topics)
    session_ms = int(settings.session_seconds * 1000)
    return Consumer(
        connection.librdkafka(
            group_id=connection.group(SINKS),
            group_instance_id=member,
            client_id=member,
            partition_assignment_strategy="cooperative-sticky",
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // 4,
            max_poll_interval_ms=300_000,
            enable_auto_commit=False,
            enable_auto_offset_store=False,
            enable_partition_eof=True,
            isolation_level="read_committed",  # acts of the audit trail that were never committed did not happen
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            topic_metadata_refresh_interval_ms=10_000,
            reconnect_backoff_max_ms=1000,
            fetch_wait_max_ms=100,
            fetch_message_max_bytes=4 * 1024 * 1024,
            queued_max_messages_kbytes=64 * 1024,
            log_level=3,
        )
    )


def wait_for_topics(
    connection: KafkaConnection, names: Iterable[str], stop: threading.Event, changes: Changes, pause: float = 0.5
) -> None:
    """Block until Kafka answers and has all the topics, or until told to stop."""
    admin = AdminClient(connection.librdkafka(log_level=0))
    wanted = set(names)
    while not stop.is_set():
        try:
            missing = wanted - admin.list_topics(timeout=5).topics.keys()
        except KafkaException as error:
            changes.failed("Kafka", str(error.args[0]))
        else:
            changes.works("Kafka")
            if not missing:
                changes.works("topics")
                return
            changes.failed("topics", f"there is no {', '.join(sorted(missing))}: run `turnlog topics apply`")
        stop.wait(pause)


def committed(source: Any, places: list[TopicPartition]) -> list[TopicPartition]:
    """Return what the group has committed for partitions, metadata included. Blocks for some seconds at most.

    Raises:
        TransientError: Kafka does not say.
    """
    try:
        found: list[TopicPartition] = source.committed(places, timeout=_COMMITTED_TIMEOUT)
    except KafkaException as error:
        raise TransientError(f"Kafka does not say what was committed: {error.args[0]}") from error
    for place in found:
        if place.error is not None:
            raise TransientError(f"Kafka does not say what was committed for {place.topic}: {place.error}")
    return found
