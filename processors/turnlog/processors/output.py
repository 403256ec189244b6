"""Messages to write, and the idempotent producer that writes them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from threading import Thread
from typing import NamedTuple

from confluent_kafka import KafkaError, Message, Producer

from turnlog.schemas import KafkaConnection, TransientError

MAX_MESSAGE_BYTES = 12 * 1024 * 1024
"""Largest message of a clean topic, headers and key included."""


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


class Delivery:
    """Outputs under way; :meth:`done` waits for all of them. Lives on the event loop."""

    def __init__(self) -> None:
        self._missing = 0
        self._error: str | None = None
        self._settled = asyncio.Event()
        self._settled.set()

    def expect(self, count: int) -> None:
        """Note that many more outputs to come."""
        self._missing += count
        if count:
            self._settled.clear()

    def report(self, count: int, error: str | None) -> None:
        """Note that Kafka answered that many."""
        self._missing -= count
        self._error = self._error or error
        if self._missing == 0:
            self._settled.set()

    async def done(self) -> None:
        """Wait until Kafka has acknowledged every output, however long that takes.

        Raises:
            TransientError: If it refused one: nothing of the batch may be committed.
        """
        await self._settled.wait()
        if self._error is not None:
            raise TransientError(f"Kafka refused an output: {self._error}")


class OutputProducer:
    """An idempotent producer whose messages keep their order within a partition, without holes.

    Messages wait for as long as Kafka is away; one that Kafka refuses for good is a fatal error of the whole producer
    (``enable.gapless.guarantee``), so that no later one can follow it into the partition.

    Args:
        connection: How to reach Kafka.
        warn: Called from another thread with a sentence when the connection is in trouble.
    """

    def __init__(self, connection: KafkaConnection, warn: Callable[[str], None] = lambda _: None) -> None:
        self._producer = Producer(
            connection.librdkafka(
                acks="all",
                enable_idempotence=True,
                enable_gapless_guarantee=True,
                message_timeout_ms=0,
                message_max_bytes=MAX_MESSAGE_BYTES,
                compression_type="lz4",
                linger_ms=1,
                queue_buffering_max_messages=50_000,
                queue_buffering_max_kbytes=131_072,
                reconnect_backoff_max_ms=1000,
                error_cb=lambda error: warn(error.str()),
                log_level=0,
            )
        )
        self._closed = False
        self._poller = Thread(target=self._poll, name="output reports", daemon=True)
        self._poller.start()

    def close(self) -> None:
        """Stop taking reports; what is not acknowledged may or may not be written."""
        self._closed = True
        self._poller.join(2)

    async def send(self, outputs: Iterable[Output], delivery: Delivery) -> None:
        """Hand outputs to the producer in order; waits only while its queue is full.

        Raises:
            TransientError: If the producer can't go on.
        """
        listed = list(outputs)
        delivery.expect(len(listed))
        reports = _Reports(asyncio.get_running_loop(), delivery, len(listed))
        for output in listed:
            while True:
                try:
                    self._producer.produce(
                        output.topic,
                        output.value,
                        output.key,
                        output.partition,
                        on_delivery=reports,
                        headers=list(output.headers),
                    )
                    break
                except BufferError:
                    await asyncio.sleep(0.01)
                except Exception as error:
                    raise TransientError(f"Kafka's client takes no more outputs: {error}") from error

    def _poll(self) -> None:
        while not self._closed:
            self._producer.poll(0.1)


class _Reports:
    """Counts delivery reports, which come on the polling thread, and passes them on in one piece."""

    def __init__(self, loop: asyncio.AbstractEventLoop, delivery: Delivery, count: int) -> None:
        self._loop = loop
        self._delivery = delivery
        self._count = count
        self._missing = count
        self._error: str | None = None

    def __call__(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._error = self._error or f"{message.topic()}: {error.str()}"
        self._missing -= 1
        if self._missing == 0:
            self._loop.call_soon_threadsafe(self._delivery.report, self._count, self._error)
