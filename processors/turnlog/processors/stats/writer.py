"""Writes messages and returns when Kafka has all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from confluent_kafka import KafkaError, Message, Producer

from turnlog.schemas import KafkaConnection, TransientError


class Output(NamedTuple):
    """A message to write.

    Attributes:
        topic: Topic with its prefix.
        partition: Partition.
        key: Key.
        value: Payload.
        headers: Headers.
    """

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()


class Writer:
    """An idempotent producer; messages of one partition stay in order, and none is given up while Kafka is away.

    Args:
        connection: How to reach Kafka.
        settings: librdkafka settings, underscores for dots.
    """

    def __init__(self, connection: KafkaConnection, **settings: object) -> None:
        self._producer = Producer(
            connection.librdkafka(
                **{
                    "enable_idempotence": True,
                    "compression_type": "lz4",
                    "linger_ms": 2,
                    "message_timeout_ms": 0,
                    "message_max_bytes": 12 * 1024 * 1024,
                    **settings,
                }
            )
        )
        self._closed = False

    def close(self) -> None:
        """Stop waiting: whoever waits gets a TransientError, and what is not acknowledged may or may not be written."""
        self._closed = True

    async def write(self, outputs: Iterable[Output]) -> None:
        """Write messages; returns when Kafka has acknowledged all of them, however long that takes.

        Raises:
            TransientError: If Kafka refused one of them.
        """
        await asyncio.to_thread(self.write_and_wait, outputs)

    def write_and_wait(self, outputs: Iterable[Output]) -> None:
        """Write messages, blocking until Kafka has acknowledged all of them.

        Raises:
            TransientError: If Kafka refused one of them, or the writer was closed.
        """
        sent = 0
        answers: list[KafkaError | None] = []  # any thread that polls may append to it

        def delivered(error: KafkaError | None, _: Message) -> None:
            answers.append(error)

        for output in outputs:
            sent += 1
            while True:
                try:
                    self._producer.produce(
                        output.topic,
                        output.value,
                        output.key,
                        output.partition,
                        on_delivery=delivered,
                        headers=list(output.headers),
                    )
                    break
                except BufferError:
                    self._check()
                    self._producer.poll(0.1)
        while len(answers) < sent:
            self._check()
            self._producer.poll(0.1)
        refused = [error for error in answers if error is not None]
        if refused:
            raise TransientError(f"Kafka refused {len(refused)} messages: {refused[0].str()}")

    def _check(self) -> None:
        if self._closed:
            raise TransientError("stopped before Kafka acknowledged everything")
