"""The topic where writers publish their schemas: read when a message names one that is not known."""

from __future__ import annotations

from collections.abc import Callable

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from turnlog.schemas import KafkaConnection, Schema, SchemaStore, SettingError, TransientError

RETRY_SECONDS = 3.0
"""How long a schema that nobody has published is taken as unknown before it is looked for again."""

_TIMEOUT = 10.0


class SchemaTopic:
    """Adds published schemas to a store.

    Args:
        connection: How to reach Kafka.
        store: Where they go.
        clock: Monotonic, in seconds.
    """

    def __init__(self, connection: KafkaConnection, store: SchemaStore, clock: Callable[[], float]) -> None:
        self._connection = connection
        self._store = store
        self._clock = clock
        self._sought: dict[bytes, float] = {}

    def learn(self, header: bytes) -> None:
        """Read the topic to its end, unless this header's schema was looked for in the last seconds.

        Blocks for up to ten seconds.

        Raises:
            TransientError: Kafka does not answer.
        """
        now = self._clock()
        if now - self._sought.get(header, -RETRY_SECONDS) < RETRY_SECONDS:
            return
        try:
            self._read()
        except KafkaException as error:
            raise TransientError(f"the schema topic can't be read: {error.args[0]}") from error
        if len(self._sought) > 10_000:
            self._sought.clear()
        self._sought[header] = now

    def _read(self) -> None:
        consumer = Consumer(
            self._connection.librdkafka(
                group_id="turnlog-sinks-schemas",  # librdkafka wants one; nothing is committed under it
                enable_auto_commit=False,
                enable_partition_eof=True,
                log_level=0,
            )
        )
        try:
            consumer.assign([TopicPartition(f"{self._connection.prefix}schemas", 0, OFFSET_BEGINNING)])
            deadline = self._clock() + _TIMEOUT
            while self._clock() < deadline:
                message = consumer.poll(0.5)
                if message is None:
                    continue
                error = message.error()
                if error is not None:
                    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name, in spite of the bar
                        return
                    raise KafkaException(error)
                value = message.value()
                if not value:
                    continue
                try:
                    self._store.add(Schema.from_json(value))
                except SettingError:
                    continue  # not a schema: whoever needs it will say so
            raise TransientError("the schema topic can't be read to its end in time")
        finally:
            consumer.close()
