"""Writes and reads the chains in Kafka's topic `audit`.

An event is appended in a transaction: the writer takes over its tenant's transactional id, which ends whatever an older
writer of that tenant had begun and fences it from then on; reads the chain's last event; and commits one event that
names that one's hash. A writer that was fenced in between has written nothing and begins anew. So two writers never
append to the same event, whoever is slow, dead or back from the dead (Kafka's documentation, "Transactions").

The last event is looked for below the high watermark as it was after taking over, not below the last stable offset:
while another tenant's transaction is open, committed events lie behind it, and who did not wait for them would fork the
chain.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from turnlog.schemas import Datum, Encoder, KafkaConnection, TransientError
from turnlog.schemas.headers import AVRO, CONTENT_TYPE
from turnlog.sinks.audit.chain import PIPELINE, Act, link
from turnlog.sinks.topic import SECONDS, partitions, read, read_all
from turnlog.sinks.topic import end as end_of

_ATTEMPTS = 12
_REFUSED = frozenset({KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.FENCED_INSTANCE_ID})
"""Codes with which a group says that it goes on without a consumer."""
_WINDOW = 200


class OffsetsRefusedError(TransientError):
    """The consumer's group goes on without it: what was to be committed with an act is another consumer's now."""


@dataclass(frozen=True)
class Commit:
    """Offsets to be committed with an act, in the same transaction: either both happen, or neither.

    Attributes:
        offsets: What to commit.
        group: The consumer's group metadata.
    """

    offsets: Sequence[TopicPartition]
    group: Any


def record_act(
    connection: KafkaConnection,
    actor: str,
    action: str,
    resource: str,
    *,
    tenant: str = PIPELINE,
    **more: Any,
) -> Datum:
    """Record an administrative act and return it as it stands in its tenant's chain; blocks until Kafka has it.

    Args:
        connection: Where Kafka is.
        actor: Who acted.
        action: What was done, such as ``topics.apply``.
        resource: To what; never a plain identity.
        tenant: Whose data; by default the act concerns the whole pipeline.
        **more: Any other attribute of an :class:`~turnlog.sinks.audit.chain.Act`.

    Raises:
        TransientError: Kafka does not answer, or others write to the same chain all the time.
    """
    return append(connection, Act(actor, action, resource, tenant=tenant, **more))


def append(connection: KafkaConnection, act: Act, commit: Commit | None = None) -> Datum:
    """Append an act to its tenant's chain; the same as :func:`record_act`, with offsets to commit along with it.

    Raises:
        OffsetsRefusedError: The consumer has lost what it wants to commit; nothing is written.
        TransientError: As there. What then stands in the chain is not known; the same act can be tried again.
    """
    topic = f"{connection.prefix}audit"
    try:
        # Always the first, of which there is no other: a topic that somebody makes larger must not move chains.
        partitions(connection, topic)
        place = TopicPartition(topic, 0)
        _publish(connection)
        since: int | None = None
        for attempt in range(_ATTEMPTS):
            producer = _producer(connection, act.tenant)
            try:
                producer.init_transactions(SECONDS)
                end = end_of(connection, place)
                since = end if since is None else since
                last, done = _last(connection, place, end, since, act)
                event = done or link(act.datum(), last)
                if done is None or commit is not None:
                    _commit(producer, place, None if done else event, commit)
            except KafkaException as error:
                _give_up(producer, error)
                time.sleep(random.uniform(0.02, 0.1) * 2 ** min(attempt, 4))  # noqa: S311 - only so that two differ
            else:
                return event
    except KafkaException as error:
        raise TransientError(f"the act can't be recorded: {error.args[0].str()}") from error
    raise TransientError(f"the act can't be recorded: others write to the chain of {act.tenant} all the time")


def read_topic(connection: KafkaConnection, tenant: str | None = None) -> list[Datum]:
    """Return every committed event of a tenant, or of all, in the topic's order. Blocks until the topic's end.

    Raises:
        TransientError: Kafka does not answer.
    """
    events = read_all(connection, "audit", "AuditEvent")
    return [event for event in events if tenant is None or event["tenant_id"] == tenant]


def _commit(producer: Producer, place: TopicPartition, event: Datum | None, commit: Commit | None) -> None:
    producer.begin_transaction()
    if event is not None:
        producer.produce(
            place.topic,
            key=event["tenant_id"].encode(),
            value=Encoder("AuditEvent").encode(event),
            partition=place.partition,
            headers=[(CONTENT_TYPE, AVRO)],
        )
    if commit is not None:
        producer.send_offsets_to_transaction(list(commit.offsets), commit.group, SECONDS)
    producer.commit_transaction(SECONDS)


def _give_up(producer: Producer, error: KafkaException) -> None:
    """Let go of a transaction that failed; raises what trying again does not help against."""
    cause: KafkaError = error.args[0]
    if cause.txn_requires_abort():
        with contextlib.suppress(KafkaException):  # fenced meanwhile: the broker has ended it
            producer.abort_transaction(SECONDS)
    if cause.code() in _REFUSED:
        raise OffsetsRefusedError(f"the act is not recorded: {cause.str()}") from error
    if not (cause.txn_requires_abort() or cause.fatal() or cause.retriable()):
        raise error


def _last(
    connection: KafkaConnection, place: TopicPartition, end: int, since: int, act: Act
) -> tuple[Datum | None, Datum | None]:
    """Return the tenant's last event, and the act itself if an earlier attempt got through after all."""
    window = _WINDOW
    while True:
        start = max(0, min(end - window, since))
        found = [
            event for event in read(connection, place, start, end, "AuditEvent") if event["tenant_id"] == act.tenant
        ]
        if found or start == 0:
            done = next((event for event in found if event["event_id"] == act.event_id), None)
            return (found[-1] if found else None), done
        window *= 8


def _producer(connection: KafkaConnection, tenant: str) -> Producer:
    return Producer(
        connection.librdkafka(
            transactional_id=f"{connection.prefix}audit.{tenant}",
            transaction_timeout_ms=int(SECONDS * 1000),
            message_timeout_ms=int(SECONDS * 1000),
            acks="all",
            linger_ms=0,
            log_level=0,
        )
    )


def _publish(connection: KafkaConnection) -> None:
    """Publish the events' schema, so that readers of other versions know it."""
    schema = Encoder("AuditEvent").schema
    producer = Producer(connection.librdkafka(enable_idempotence=True, acks="all", linger_ms=0, log_level=0))
    producer.produce(
        f"{connection.prefix}schemas", key=schema.fingerprint.hex().encode(), value=schema.to_json().encode()
    )
    if producer.flush(SECONDS):
        raise TransientError("the audit events' schema can't be published: Kafka does not answer in time")
