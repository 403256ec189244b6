"""Reads back a part of a raw partition, to find out which of a batch's records are doubles."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from turnlog.processors.batch import Batch
from turnlog.processors.redelivery import doubles, suspects
from turnlog.schemas import KafkaConnection, TransientError
from turnlog.schemas.headers import PRODUCER, get

_TIMEOUT = 5.0
_SILENCE = 10.0


class LookBack:
    """Looks for earlier copies of marked records; a consumer lives for one look only, as they are rare.

    Args:
        connection: How to reach Kafka.
    """

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection

    def doubles(self, batch: Batch) -> frozenset[int]:
        """Return the offsets of the batch's doubles; blocks on Kafka only if there are marked records.

        Raises:
            TransientError: If Kafka does not answer.
        """
        suspected = suspects(batch.records)
        if not suspected:
            return frozenset()
        since_ms = min(each.since_ms for each in suspected)
        return doubles(self._origins(batch.topic, batch.partition, since_ms, suspected[-1].offset), suspected)

    def _origins(self, topic: str, partition: int, since_ms: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Yield the offsets and ``producer`` headers from a moment up to an offset."""
        consumer = Consumer(
            self._connection.librdkafka(
                group_id="turnlog-lookback",  # librdkafka wants one; nothing is ever committed under it
                enable_auto_commit=False,
                enable_partition_eof=False,
                # What retention has removed meanwhile is passed over.
                auto_offset_reset="earliest",
                fetch_wait_max_ms=10,
                reconnect_backoff_max_ms=1000,
                log_level=0,
            )
        )
        with closing(consumer):
            try:
                (place,) = consumer.offsets_for_times([TopicPartition(topic, partition, since_ms)], timeout=_TIMEOUT)
                _check(place.error)
                if not 0 <= place.offset < end:
                    return
                consumer.assign([place])
                last, heard = place.offset - 1, time.monotonic()
                while last < end - 1:
                    messages = consumer.consume(1000, 0.1)
                    if messages:
                        heard = time.monotonic()
                    elif time.monotonic() - heard > _SILENCE:
                        raise TransientError(f"{topic}/{partition}: nothing to read before offset {end}")
                    for message in messages:
                        _check(message.error())
                        last = int(message.offset() or 0)
                        if last >= end:
                            return
                        headers = message.headers() or ()
                        origin = get(headers, PRODUCER)  # type: ignore[arg-type] # its stubs leave the pairs open
                        if origin is not None:
                            yield last, origin
            except KafkaException as error:
                raise TransientError(f"Kafka does not answer: {error.args[0].str()}") from error


def _check(error: KafkaError | None) -> None:
    if error is not None:
        raise TransientError(f"Kafka does not answer: {error.str()}")
