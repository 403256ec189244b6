"""Requests in the topic `privacy`, and what became of them by the audit trail."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from confluent_kafka import KafkaException, Producer

from turnlog.schemas import Datum, Encoder, KafkaConnection, TransientError, uuid7
from turnlog.schemas.headers import AVRO, CONTENT_TYPE
from turnlog.sinks.audit import read_topic
from turnlog.sinks.rights import REQUEST, Kind
from turnlog.sinks.topic import SECONDS, read_all
from turnlog.stack.rights.subjects import Subject


@dataclass(frozen=True)
class Asked:
    """A request and its answer.

    Attributes:
        request: The PrivacyRequest.
        receipts: The AuditEvents about it, oldest first: the answer, and then what arrived late.
    """

    request: Datum
    receipts: tuple[Datum, ...]

    def state(self, now_us: int) -> str:
        """``done``, ``refused``, ``failed``; without an answer ``open``, or ``overdue``."""
        if self.receipts:
            return str(self.receipts[0]["outcome"])
        due = self.request["due"]
        return "overdue" if due is not None and now_us > due else "open"


def ask(
    connection: KafkaConnection,
    kind: Kind,
    subject: Subject,
    *,
    tenant: str,
    requested_by: str,
    due_us: int | None,
    now_us: int,
    before_us: int | None = None,
) -> str:
    """Put a request into the topic and return its id; blocks until Kafka has it.

    Args:
        connection: Where Kafka is.
        kind: What is asked.
        subject: About whom.
        tenant: Whose data.
        requested_by: Who asks.
        due_us: When it must be done, microseconds since 1970.
        now_us: The present, likewise.
        before_us: Only events before this time; None for all up to now.

    Raises:
        TransientError: Kafka does not take it.
    """
    number = uuid7()
    keys = (*subject.tokens, *subject.conversations)
    encoder = Encoder("PrivacyRequest")
    value = encoder.encode(
        {
            "event_id": number,
            "event_time": now_us,
            "observed_time": now_us,
            "tenant_id": tenant,
            "service_name": "turnlog",
            "sdk_name": "turnlog",
            "producer_id": uuid7(),
            "sequence": 0,
            "privacy_request_id": number,
            "kind": kind.value,
            "subject_key": keys[0],
            "subject_keys": list(subject.tokens),
            "conversation_ids": list(subject.conversations),
            "range_to": before_us,
            "requested_by": requested_by,
            "due": due_us,
        }
    )
    errors: list[str] = []
    producer = Producer(connection.librdkafka(enable_idempotence=True, acks="all", linger_ms=0, log_level=0))
    try:
        producer.produce(
            f"{connection.prefix}schemas",
            key=encoder.schema.fingerprint.hex().encode(),
            value=encoder.schema.to_json().encode(),
        )
        producer.produce(
            f"{connection.prefix}privacy",
            key=keys[0].encode(),
            value=value,
            headers=[(CONTENT_TYPE, AVRO)],
            on_delivery=lambda error, _: errors.append(error.str()) if error is not None else None,
        )
        left = producer.flush(SECONDS)
    except KafkaException as error:
        raise TransientError(f"the request can't be sent: {error.args[0].str()}") from error
    if left or errors:
        raise TransientError(f"the request can't be sent: {errors[0] if errors else 'Kafka does not answer in time'}")
    return number


def read_asked(connection: KafkaConnection, tenant: str | None = None) -> list[Asked]:
    """Return every request of a tenant, or of all, with what became of it. Blocks until both topics are read.

    Raises:
        TransientError: Kafka does not answer.
    """
    receipts: dict[str, list[Datum]] = {}
    for event in read_topic(connection, tenant):
        if event["action"].startswith("privacy.") and REQUEST in event["attributes"]:
            receipts.setdefault(event["attributes"][REQUEST], []).append(event)
    return [
        Asked(request, tuple(receipts.get(request["privacy_request_id"], ())))
        for request in read_all(connection, "privacy", "PrivacyRequest")
        if tenant is None or request["tenant_id"] == tenant
    ]


def wait_for(connection: KafkaConnection, number: str, seconds: float) -> Datum | None:
    """Return a request's receipt when it is there, or None if it is not in time. Blocks meanwhile."""
    give_up = time.monotonic() + seconds
    while True:
        found = _receipt(read_topic(connection), number)
        if found is not None or time.monotonic() >= give_up:
            return found
        time.sleep(0.3)


def _receipt(events: Iterable[Datum], number: str) -> Datum | None:
    return next((event for event in events if event["attributes"].get(REQUEST) == number), None)
