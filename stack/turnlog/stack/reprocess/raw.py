"""A range of time of a raw topic, read batch by batch, without a consumer group."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from turnlog.processors.batch import Batch, RawRecord
from turnlog.schemas import KafkaConnection, TransientError

BATCH_RECORDS = 5000
BATCH_BYTES = 16 * 1024 * 1024

_TIMEOUT = 30.0
_SILENCE = 30.0


class RawRange:
    """Records of a topic that its broker took within a range of time.

    Args:
        connection: How to reach Kafka.
        topic: The topic, prefix included.
        since_ms: The first moment, milliseconds since 1970 UTC; None for as far back as the topic goes.
        until_ms: The first moment that does not belong to it; None for now.
    """

    def __init__(
        self, connection: KafkaConnection, topic: str, since_ms: int | None = None, until_ms: int | None = None
    ) -> None:
        self._connection = connection
        self._topic = topic
        self._since_ms = since_ms
        self._until_ms = until_ms

    def batches(self) -> Iterator[Batch]:
        """Yield the records, partition after partition, in order; blocks on Kafka.

        Raises:
            TransientError: If Kafka does not answer.
        """
        settings = self._connection.librdkafka(
            group_id="turnlog-reprocess",  # librdkafka wants one; nothing is ever committed under it
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            reconnect_backoff_max_ms=1000,
            log_level=0,
        )
        try:
            with closing(Consumer(settings)) as consumer:
                partitions = consumer.list_topics(self._topic, timeout=_TIMEOUT).topics[self._topic].partitions
                for partition in sorted(partitions):
                    start, end = self._bounds(consumer, partition)
                    yield from self._read(consumer, partition, start, end)
        except KafkaException as error:
            raise TransientError(f"Kafka does not answer: {error.args[0].str()}") from error

    def _bounds(self, consumer: Consumer, partition: int) -> tuple[int, int]:
        place = TopicPartition(self._topic, partition)
        low, high = consumer.get_watermark_offsets(place, timeout=_TIMEOUT)
        start = low if self._since_ms is None else self._at(consumer, partition, self._since_ms, high)
        end = high if self._until_ms is None else self._at(consumer, partition, self._until_ms, high)
        return start, end

    def _at(self, consumer: Consumer, partition: int, moment_ms: int, high: int) -> int:
        (found,) = consumer.offsets_for_times([TopicPartition(self._topic, partition, moment_ms)], timeout=_TIMEOUT)
        if found.error is not None:
            raise KafkaException(found.error)
        return found.offset if 0 <= found.offset < high else high

    def _read(self, consumer: Consumer, partition: int, start: int, end: int) -> Iterator[Batch]:
        if start >= end:
            return
        consumer.assign([TopicPartition(self._topic, partition, start)])
        records: list[RawRecord] = []
        size = 0
        last, heard = start - 1, time.monotonic()
        while last < end - 1:
            messages = consumer.consume(1000, 0.2)
            if messages:
                heard = time.monotonic()
            elif last >= start and consumer.position([TopicPartition(self._topic, partition)])[0].offset >= end:
                break  # what is left of the range are markers of transactions
            elif time.monotonic() - heard > _SILENCE:
                raise TransientError(f"{self._topic}/{partition}: nothing to read before offset {end}")
            for message in messages:
                record = _record(message)
                last = record.offset
                if last >= end:
                    break
                records.append(record)
                size += len(record.value or b"")
                if len(records) >= BATCH_RECORDS or size >= BATCH_BYTES:
                    yield Batch(self._topic, partition, records)
                    records, size = [], 0
        if records:
            yield Batch(self._topic, partition, records)


def _record(message: Message) -> RawRecord:
    error: KafkaError | None = message.error()
    if error is not None:
        raise KafkaException(error)
    key, value = message.key(), message.value()
    return RawRecord(int(message.offset() or 0), message.timestamp()[1], _bytes(key), _bytes(value))


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
