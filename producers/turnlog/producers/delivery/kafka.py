"""The Kafka side of a client: an idempotent librdkafka producer."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from turnlog.producers.delivery.transport import Delivered, Message
from turnlog.producers.limits import Limits
from turnlog.schemas import EncodeError, KafkaConnection, SettingError, TransientError
from turnlog.schemas.topics import BY_NAME

_silent = logging.Logger("turnlog.librdkafka", logging.CRITICAL + 1)  # noqa: LOG001 - no handler shall ever see it
"""Takes librdkafka's own lines, which would go to the chatbot's stderr; what matters comes by error_cb."""

_WATCHED = frozenset({"key", "password", "secret", "token", "jaas"})
_PURGE_SECONDS = 0.2


class KafkaTransport:
    """Sends to Kafka; acknowledged by all in-sync replicas, in order per key, each message once per producer.

    Args:
        connection: Where Kafka is, the topics' prefix, and settings.
        limits: Bounds on memory and time.
        trouble: Called with a sentence when the connection is in trouble.
        give_up: Whether a message fails that could not be delivered for the time of the limits.

    Raises:
        SettingError: If librdkafka refuses a setting.
    """

    def __init__(
        self, connection: KafkaConnection, limits: Limits, trouble: Callable[[str], None], *, give_up: bool = True
    ) -> None:
        self._prefix = connection.prefix
        self._producer = _producer(
            _config(connection, limits)
            | ({} if give_up else {"message.timeout.ms": 0})
            | {"error_cb": lambda error: trouble(f"Kafka at {connection.bootstrap_servers}: {error.str()}")}
        )

    def send(self, message: Message, delivered: Delivered) -> bool:
        """Hand a message to librdkafka; False if its queue is full."""
        try:
            self._producer.produce(
                self._prefix + message.topic,
                message.value,
                message.key,
                headers=message.headers,  # type: ignore[arg-type] # its stubs forbid a list of (str, bytes), it does not
                on_delivery=delivered,
            )
        except BufferError:
            return False
        except KafkaException as error:
            if error.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:
                raise EncodeError(f"{message.topic}: {len(message.value)} bytes are too large") from error
            raise TransientError(f"{message.topic}: {error.args[0].str()}") from error
        return True

    def poll(self, timeout: float) -> None:
        """Report deliveries."""
        self._producer.poll(timeout)

    def flush(self, timeout: float) -> int:
        """Send what waits and report deliveries; return how many are missing."""
        return self._producer.flush(timeout)

    def abandon(self) -> None:
        """Give up what is undelivered."""
        # A purge may strike what is sent right after it, such as a client's last report: none without need, and time to
        # finish when there is.
        if len(self._producer):
            self._producer.purge()
            self._producer.flush(_PURGE_SECONDS)
        self._producer.poll(0)

    def close(self) -> None:
        """Disconnect."""
        self._producer.purge()
        self._producer.poll(0)
        del self._producer

    def forget(self) -> None:
        """Leak the producer: its threads stayed in the parent, and destroying it would wait for them forever."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._producer))


def check(connection: KafkaConnection, limits: Limits) -> None:
    """Have librdkafka look at the settings, without connecting.

    Raises:
        SettingError: If it refuses one.
    """
    config = _config(connection, limits)
    del config["bootstrap.servers"]
    _producer(config)


def _producer(config: dict[str, Any]) -> Producer:
    try:
        return Producer(config, logger=_silent)
    except KafkaException as error:
        raise SettingError(f"Kafka settings: {error.args[0].str()}") from error


def _config(connection: KafkaConnection, limits: Limits) -> dict[str, Any]:
    queued_kbytes = limits.queue_bytes // 1024
    preferred = {
        "linger.ms": max(1, round(limits.linger * 1000)),
        "compression.type": "lz4",
        "queue.buffering.max.kbytes": queued_kbytes,
        "queue.buffering.max.messages": 100_000,
        "message.timeout.ms": round(limits.delivery_timeout * 1000),
        # A broker that restarts is back within seconds: look again soon.
        "reconnect.backoff.max.ms": 2000,
        # Java's: a key is in the same partition whichever client wrote it.
        "partitioner": "murmur2_random",
        "client.id": "turnlog",
    }
    promised = {
        "enable.idempotence": True,
        "acks": "all",
        "message.max.bytes": BY_NAME["raw.calls"].max_bytes,
    }
    return {**preferred, **connection.librdkafka(), **promised}
