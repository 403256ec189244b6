"""Schemas that producers have published, for records written by other versions than this one."""

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from turnlog.schemas import KafkaConnection, Schema, SchemaStore, SettingError
from turnlog.schemas.codec import SINGLE_OBJECT

_TOPIC = "schemas"
_SECONDS = 5.0
_END = KafkaError._PARTITION_EOF  # noqa: SLF001 - librdkafka's own codes begin with an underscore


class PublishedSchemas:
    """Keeps a store in step with the compacted topic of schemas.

    Args:
        connection: Where Kafka is.
        store: What to fill.
    """

    def __init__(self, connection: KafkaConnection, store: SchemaStore) -> None:
        self._store = store
        self._place = TopicPartition(connection.prefix + _TOPIC, 0)
        self._next = OFFSET_BEGINNING
        self._consumer = Consumer(
            connection.librdkafka(
                **{"group.id": f"{connection.prefix}tail", "enable.partition.eof": True},
                enable_auto_commit=False,
                log_level=0,
            )
        )

    def knows(self, message: bytes | None) -> bool:
        """Tell whether looking at the topic again could not help to read the message."""
        if message is None or message[:2] != SINGLE_OBJECT:
            return True
        return self._store.by_fingerprint(message[2:10]) is not None

    def catch_up(self) -> None:
        """Read what is new in the topic; blocks for some seconds at most.

        Raises:
            KafkaException: If Kafka does not answer.
        """
        _, high = self._consumer.get_watermark_offsets(self._place, timeout=_SECONDS)
        if self._next >= high:
            return
        self._consumer.assign([TopicPartition(self._place.topic, 0, self._next)])
        while self._next < high:
            message = self._consumer.poll(_SECONDS)
            error = message.error() if message else None
            if message is None or (error is not None and error.code() == _END):
                self._next = high if message else self._next  # compaction may have taken the last offsets away
                return
            if error is None:
                self._next = (message.offset() or 0) + 1
                self._add(message.value())

    def close(self) -> None:
        """Let go of Kafka."""
        self._consumer.close()

    def _add(self, value: bytes | None) -> None:
        if value:
            try:
                self._store.add(Schema.from_json(value))
            except SettingError:
                return  # somebody else's bytes: whatever refers to them stays unreadable, and is counted
