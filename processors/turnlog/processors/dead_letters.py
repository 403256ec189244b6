"""Messages that can't be processed, as records of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from turnlog.processors.batch import RawRecord
from turnlog.processors.output import Output
from turnlog.processors.redaction.fields import UUID
from turnlog.schemas import Encoder, Source, fingerprint_in
from turnlog.schemas.headers import AVRO, CONTENT_TYPE, PRODUCER, SOURCE, STAGE, get, parse_origin
from turnlog.schemas.topics import BY_NAME

PAYLOAD_BYTES = BY_NAME["dlq"].max_bytes - 1024 * 1024
"""How much of a payload a dead letter carries; the rest of the topic's limit is for what stands around it."""

_KEY_BYTES = 64 * 1024
_INT64_MAX = 2**63 - 1


class DeadLetters:
    """Makes dead letters of one stage.

    Args:
        topic: The topic for them, prefix included.
        stage: Who gives up: redact, panes or sink.
        now_us: Clock, microseconds since 1970.
    """

    def __init__(self, topic: str, stage: str, now_us: Callable[[], int]) -> None:
        self._topic = topic
        self._stage = stage
        self._now_us = now_us
        self._encoder = Encoder("DeadLetter")

    def letter(self, topic: str, partition: int, record: RawRecord, error: Exception) -> Output:
        """Return the dead letter of a record, for the same partition number.

        Args:
            topic: Where the record stood.
            partition: Its partition.
            record: The record.
            error: What is wrong with it. Only the message of turnlog's own errors is kept: others may quote the data.
        """
        payload = record.value or b""
        source = Source(topic, partition, record.offset, record.timestamp_ms)
        producer = get(record.headers, PRODUCER)
        origin = parse_origin(producer)
        if origin and not (UUID.fullmatch(origin.producer_id) and origin.sequence <= _INT64_MAX):
            origin = None
        value = self._encoder.encode(
            {
                "source_topic": topic,
                "source_partition": partition,
                "source_offset": record.offset,
                "source_time": record.timestamp_ms * 1000,
                "dead_time": self._now_us(),
                "stage": self._stage,
                "error_class": type(error).__name__,
                "error_message": describe(error),
                "schema_fingerprint": fingerprint_in(record.value),
                "producer_id": origin.producer_id if origin else None,
                "sequence": origin.sequence if origin else None,
                "key": None if record.key is None else record.key[:_KEY_BYTES],
                "payload": payload[:PAYLOAD_BYTES],
                "payload_size": len(payload),
                "payload_sha256": hashlib.sha256(payload).hexdigest(),
            }
        )
        headers = [(SOURCE, source.to_bytes()), (STAGE, self._stage.encode()), (CONTENT_TYPE, AVRO)]
        if producer is not None and origin is not None:
            headers.append((PRODUCER, producer))
        return Output(
            self._topic, partition, record.key if record.key and len(record.key) <= _KEY_BYTES else None, value, headers
        )


def describe(error: Exception) -> str:
    """Return what may be said about an error: the message of turnlog's own, the class of any other."""
    if type(error).__module__.startswith("turnlog."):
        return str(error)
    return f"{type(error).__name__} while the record was processed"
