"""Questions that tell whether a server answers. Each takes half a second at most."""

import http.client
import socket
from contextlib import suppress
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

_PATIENCE = 0.5


def kafka_answers(port: int) -> bool:
    """Tell whether the broker on this loopback port answers a metadata request with a broker that serves."""
    try:
        # Nothing listens for most of a start; asking librdkafka then would take all the time and log every try.
        socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE).close()
        client = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0})
        return bool(client.list_topics(timeout=_PATIENCE).brokers)
    except (OSError, KafkaException):
        return False


def clickhouse_answers(port: int) -> bool:
    """Tell whether the ClickHouse endpoint on this loopback port says that it is well."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    with suppress(OSError, http.client.HTTPException):
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == http.HTTPStatus.OK
        finally:
            connection.close()
    return False


def file_exists(path: Path) -> bool:
    """Tell whether a component has touched its ready file."""
    return path.exists()
