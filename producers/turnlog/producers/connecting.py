"""Which transport a client's settings ask for."""

from __future__ import annotations

from collections.abc import Callable

from turnlog.producers.limits import Limits
from turnlog.producers.transport import Connect, Transport
from turnlog.schemas import KafkaConnection


def kafka(connection: KafkaConnection, limits: Limits) -> Connect:
    """Return what connects to Kafka; the settings are checked now, the connection is made later.

    Raises:
        SettingError: If librdkafka refuses a setting.
    """
    # Loading librdkafka costs half of the import time; a chatbot under test records without it.
    from turnlog.producers.kafka import KafkaTransport, check  # noqa: PLC0415 - same

    check(connection, limits)

    def connect(trouble: Callable[[str], None]) -> Transport:
        return KafkaTransport(connection, limits, trouble)

    return connect
