"""Reads a range of a partition to its end, once: for topics that are small and kept for ever."""

from __future__ import annotations

import time
from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined] # its stubs do not export it

from turnlog.schemas import Datum, Decoder, KafkaConnection, SchemaStore, TransientError
from turnlog.schemas.errors import DecodeError, UnknownSchemaError
from turnlog.sinks.schema_topic import SchemaTopic

SECONDS = 20.0
"""Patience with Kafka; also how long a transaction may stay open."""


def read_all(connection: KafkaConnection, topic: str, record: str) -> Iterator[Datum]:
    """Yield everything that is committed in a topic (name without prefix), partition by partition. Blocks.

    Raises:
        TransientError: Kafka does not answer.
    """
    try:
        for number in range(partitions(connection, connection.prefix + topic)):
            place = TopicPartition(connection.prefix + topic, number)
            yield from read(connection, place, 0, end(connection, place), record)
    except KafkaException as error:
        raise TransientError(f"the topic {topic} can't be read: {error.args[0].str()}") from error


def read(connection: KafkaConnection, place: TopicPartition, start: int, end: int, record: str) -> Iterator[Datum]:
    """Yield the records that are committed in a range of a partition; waits for transactions in it that are open.

    Raises:
        TransientError: One stays open, or the range can't be read.
    """
    if start >= end:
        return
    store = SchemaStore()
    schemas = SchemaTopic(connection, store, time.monotonic)
    decoder = Decoder(record, store)
    consumer = Consumer(
        connection.librdkafka(
            group_id="turnlog-reader",  # librdkafka wants one; nothing is committed under it
            isolation_level="read_committed",
            enable_auto_commit=False,
            enable_partition_eof=True,
            auto_offset_reset="earliest",
            fetch_wait_max_ms=50,
            log_level=0,
        )
    )
    try:
        consumer.assign([TopicPartition(place.topic, place.partition, start)])
        deadline = time.monotonic() + 2 * SECONDS
        while time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is None:
                continue
            error = message.error()
            offset = message.offset() or 0
            if error is not None:
                if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name, in spite of the bar
                    raise KafkaException(error)
                if offset >= end:
                    return
                continue
            deadline = time.monotonic() + 2 * SECONDS
            datum = _decoded(decoder, schemas, message.value())
            if datum is not None:
                yield datum
            if offset >= end - 1:
                return
    finally:
        consumer.close()
    raise TransientError(f"{place.topic} can't be read to its end: a transaction in it stays open")


def _decoded(decoder: Decoder, schemas: SchemaTopic, value: bytes | None) -> Datum | None:
    """Return a record, or None for what is none: such a thing must not stop those who come after it."""
    for look in (True, False):
        try:
            return decoder.decode(value)
        except UnknownSchemaError as error:
            # Not passed over: a newer version may have written it, and who does not see it would fork a chain.
            if not look:
                raise TransientError(f"a record can't be read: {error}") from error
            schemas.learn((value or b"")[:10])
        except DecodeError:
            return None
    return None


def partitions(connection: KafkaConnection, topic: str) -> int:
    """Return how many partitions a topic has.

    Raises:
        TransientError: There is no such topic.
    """
    found = _admin(connection).list_topics(topic, timeout=5).topics.get(topic)
    if found is None or not found.partitions:
        raise TransientError(f"there is no topic {topic}: run `turnlog topics apply`")
    return len(found.partitions)


def end(connection: KafkaConnection, place: TopicPartition) -> int:
    """Return the offset after the last that is written, committed or not."""
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call] # the library's
    admin = _admin(connection)  # held until the answer is there: without it, none comes
    futures = admin.list_offsets({TopicPartition(place.topic, place.partition): latest})
    try:
        return int(next(iter(futures.values())).result(SECONDS).offset)
    except TimeoutError as error:
        raise TransientError(f"Kafka does not say where {place.topic} ends") from error


def _admin(connection: KafkaConnection) -> AdminClient:
    return AdminClient(connection.librdkafka(log_level=0))
