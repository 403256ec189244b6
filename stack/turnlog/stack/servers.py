"""Which servers a command talks to."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from turnlog.schemas.errors import UserError
from turnlog.schemas.kafka import DEFAULT_BOOTSTRAP_SERVERS, DEFAULT_PREFIX, KafkaConnection
from turnlog.stack.datadir import DEFAULT_FOLDER, DataDirectory
from turnlog.stack.state import read_state

DEFAULT_CLICKHOUSE = "http://127.0.0.1:8123"

KAFKA_VARIABLE = "TURNLOG_KAFKA_BOOTSTRAP_SERVERS"
CLICKHOUSE_VARIABLE = "TURNLOG_CLICKHOUSE_URL"
PREFIX_VARIABLE = "TURNLOG_TOPIC_PREFIX"


@dataclass(frozen=True)
class Servers:
    """Kafka and ClickHouse of one pipeline.

    Attributes:
        kafka: Bootstrap servers, comma-separated ``host:port``.
        clickhouse: URL; its path, if any, names the database.
        topic_prefix: What stands before every topic's name.
        data: The stack's data directory, where one was found.
    """

    kafka: str = DEFAULT_BOOTSTRAP_SERVERS
    clickhouse: str = DEFAULT_CLICKHOUSE
    topic_prefix: str = DEFAULT_PREFIX
    data: Path | None = None

    def environment(self) -> dict[str, str]:
        """Return the variables that lead another process of turnlog to these servers."""
        return {
            KAFKA_VARIABLE: self.kafka,
            CLICKHOUSE_VARIABLE: self.clickhouse,
            PREFIX_VARIABLE: self.topic_prefix,
        }

    def kafka_connection(self, environ: Mapping[str, str] = os.environ) -> KafkaConnection:
        """Return how to reach Kafka, with the librdkafka settings of the environment.

        Raises:
            SettingError: Something in it is malformed.
        """
        return KafkaConnection.from_env({**environ, **self.environment()})


def resolve(data: Path | None = None, environ: Mapping[str, str] = os.environ) -> Servers:
    """Find the servers to talk to.

    TURNLOG_KAFKA_BOOTSTRAP_SERVERS and TURNLOG_CLICKHOUSE_URL win, each for itself; else the stack of the data
    directory: `data`, else TURNLOG_DATA, else ``.turnlog`` where one stands; else the default ports of this machine.

    Raises:
        UserError: A data directory is named, but no stack was started there and the environment names no servers.
    """
    directory = DataDirectory.choose(data, environ)
    kafka = environ.get(KAFKA_VARIABLE)
    clickhouse = environ.get(CLICKHOUSE_VARIABLE)
    prefix = environ.get(PREFIX_VARIABLE)
    state = read_state(directory.state)
    if state is not None:
        return Servers(
            kafka=kafka or state.kafka,
            clickhouse=clickhouse or state.clickhouse,
            topic_prefix=state.topic_prefix if prefix is None else prefix,
            data=directory.path,
        )
    named = data is not None or bool(environ.get("TURNLOG_DATA"))
    if named and not (kafka and clickhouse):
        option = "" if directory.path == DEFAULT_FOLDER.resolve() else f" --data {directory.path}"
        raise UserError(f"no stack runs in {directory.path}: start one by `turnlog up{option}`")
    return Servers(
        kafka=kafka or DEFAULT_BOOTSTRAP_SERVERS,
        clickhouse=clickhouse or DEFAULT_CLICKHOUSE,
        topic_prefix=DEFAULT_PREFIX if prefix is None else prefix,
    )
