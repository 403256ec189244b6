"""Sends dead letters to Kafka, and returns when the broker has them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from turnlog.schemas import Encoder, KafkaConnection, TransientError
from turnlog.sinks.letter import Letter

_TIMEOUT = 30.0


class Post:
    """The way to the dead-letter topic; several threads may use it.

    Args:
        connection: How to reach Kafka.
        clock_us: Microseconds since 1970.
    """

    def __init__(self, connection: KafkaConnection, clock_us: Callable[[], int]) -> None:
        self._connection = connection
        self._clock_us = clock_us
        self._encoder = Encoder("DeadLetter")
        self._lock = threading.Lock()
        self._producer: Producer | None = None
        self._partitions = 0

    def __call__(self, letters: Sequence[Letter]) -> None:
        """Send letters in order and wait until all are acknowledged.

        Raises:
            TransientError: Some may not have got through; sending all of them again is right.
        """
        topic = f"{self._connection.prefix}dlq"
        failures: list[KafkaError] = []

        def delivered(error: KafkaError | None, _: Any) -> None:
            if error is not None:
                failures.append(error)

        with self._lock:
            try:
                producer = self._open(topic)
                for letter in letters:
                    value = self._encoder.encode(letter.datum(self._clock_us()))
                    _produce(
                        producer,
                        topic,
                        value=value,
                        key=letter.key,
                        partition=letter.source.partition % self._partitions,
                        headers=letter.headers(),
                        on_delivery=delivered,
                    )
                left = producer.flush(_TIMEOUT)
            except KafkaException as error:
                self._producer = None
                raise TransientError(f"dead letters can't be sent: {error.args[0]}") from error
            if left or failures:
                # What is still queued must not get through behind the letters of a later attempt.
                producer.purge()
                self._producer = None
                raise TransientError(f"dead letters can't be sent: {failures[0] if failures else 'no answer in time'}")

    def _open(self, topic: str) -> Producer:
        """Return the producer; a new one publishes the letters' schema first."""
        if self._producer is None:
            producer = Producer(
                self._connection.librdkafka(
                    enable_idempotence=True,
                    acks="all",
                    compression_type="lz4",
                    linger_ms=5,
                    message_max_bytes=16 * 1024 * 1024,
                    delivery_timeout_ms=int(_TIMEOUT * 1000),
                    log_level=0,
                )
            )
            described = producer.list_topics(topic, timeout=10).topics.get(topic)
            if described is None or not described.partitions:
                raise TransientError(f"there is no topic {topic}")
            self._partitions = len(described.partitions)
            schema = self._encoder.schema
            producer.produce(
                f"{self._connection.prefix}schemas",
                key=schema.fingerprint.hex().encode(),
                value=schema.to_json().encode(),
            )
            self._producer = producer
        return self._producer


def _produce(producer: Producer, topic: str, **message: Any) -> None:
    while True:
        try:
            producer.produce(topic, **message)
        except BufferError:  # its queue is full
            producer.poll(0.1)
        else:
            return
