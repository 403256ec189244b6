"""Which transport a client's settings ask for."""

from __future__ import annotations

from collections.abc import Callable

from turnlog.producers.delivery.transport import Connect, Transport
from turnlog.producers.limits import Limits
from turnlog.schemas import KafkaConnection


def kafka(connection: KafkaConnection, limits: Limits, *, give_up: bool = True) -> Connect:
    """Return what connects to Kafka; the settings are checked now, the connection is made later.

    Args:
        connection: Where Kafka is.
        limits: Bounds on memory and time.
        give_up: Whether events are given up that could not be delivered for the time of the limits; otherwise they are
            tried for ever.

    Raises:
        SettingError: If librdkafka refuses a setting.
    """
    # Loading librdkafka costs half of the import time; a chatbot under test records without it.
    from turnlog.producers.delivery.kafka import KafkaTransport, check  # noqa: PLC0415 - same

    check(connection, limits)

    def connect(trouble: Callable[[str], None]) -> Transport:
        return KafkaTransport(connection, limits, trouble, give_up=give_up)

    return connect
