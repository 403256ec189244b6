"""What is in a topic, for tests that look at what a client has sent."""

from __future__ import annotations

from contextlib import closing

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition
from confluent_kafka import Message as Consumed

from turnlog.schemas import Decoder, KafkaConnection, SchemaStore
from turnlog.schemas.headers import get

MODEL_CALL = Decoder("ModelCall", SchemaStore())
LOG_RECORD = Decoder("LogRecord", SchemaStore())


def read(connection: KafkaConnection, topic: str) -> list[Consumed]:
    """Everything in a topic, partition after partition, in order of offsets."""
    settings = connection.librdkafka(group_id="unused", enable_auto_commit=False, enable_partition_eof=True)
    name = connection.prefix + topic
    found: dict[int, list[Consumed]] = {}
    with closing(Consumer(settings)) as consumer:
        unread = set(consumer.list_topics(name, timeout=30).topics[name].partitions)
        consumer.assign([TopicPartition(name, partition, OFFSET_BEGINNING) for partition in unread])
        while unread:
            message = consumer.poll(60)
            assert message is not None
            partition = message.partition()
            assert partition is not None
            error = message.error()
            if error is None:
                found.setdefault(partition, []).append(message)
            else:
                assert error.code() == KafkaError._PARTITION_EOF
                unread.discard(partition)
    return [message for _, messages in sorted(found.items()) for message in messages]


def header(message: Consumed, name: str) -> bytes | None:
    pairs = message.headers() or []
    assert isinstance(pairs, list)
    return get(pairs, name)
