"""What is prepared once Kafka and ClickHouse answer, before processors and sinks start."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from turnlog.schemas import KafkaConnection
from turnlog.sinks import migrate
from turnlog.sinks.migration import packaged
from turnlog.stack import topics
from turnlog.stack.acts import note_migration, note_topics
from turnlog.stack.servers import Servers


@dataclass(frozen=True)
class Preparation:
    """Work on ready servers, such as creating topics.

    Attributes:
        name: What is being prepared, for the log.
        run: Does it; may block. It must do nothing when everything is as it should be.
    """

    name: str
    run: Callable[[], object]


def preparations(servers: Servers) -> tuple[Preparation, ...]:
    """Return what to prepare on these servers, in order. Each does nothing when it was done before."""
    return (
        Preparation("topics", partial(_topics, servers.kafka_connection({}))),
        Preparation("tables", partial(_tables, servers)),
    )


def _topics(connection: KafkaConnection) -> None:
    states = topics.apply(connection)
    if not all(state.created for state in states):  # of a new stack there is nothing to tell
        note_topics(connection, states)


def _tables(servers: Servers) -> None:
    done = migrate(servers.clickhouse)
    note_migration(servers, done, new=done.applied[:1] == (str(packaged()[0]),))
