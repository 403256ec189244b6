"""Where a show takes place: on a stack that runs, or on one that is started for it and stopped afterwards."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from turnlog.schemas import KafkaConnection, TransientError, UserError
from turnlog.sinks.query import ClickHouse, QueryError, ServerAwayError
from turnlog.stack import topics
from turnlog.stack.datadir import DataDirectory
from turnlog.stack.servers import CLICKHOUSE_VARIABLE, KAFKA_VARIABLE, Servers, resolve
from turnlog.stack.state import read_state
from turnlog.stack.supervisor import Event, StackOptions, detach_stack, stop_stack

_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.5
_NOT_YET = {60, 81}
"""ClickHouse's codes for a table or database that is not there."""


@dataclass(frozen=True)
class Place:
    """What a user may choose about where.

    Attributes:
        data: The data directory; None for the usual one.
        kafka_port: For a stack that is started here.
        clickhouse_port: Same.
    """

    data: Path | None
    kafka_port: int
    clickhouse_port: int


@contextmanager
def hosted(place: Place, tell: Callable[[str], None], environ: Mapping[str, str] = os.environ) -> Iterator[Servers]:
    """Give the servers of the environment or of a running stack; else start a stack, and stop it at the end.

    Blocks until the servers are ready.

    Raises:
        UserError: A stack can't run here, or the servers are not ready within a minute.
        StartFailedError: A component of the stack did not come up.
    """
    if environ.get(KAFKA_VARIABLE) and environ.get(CLICKHOUSE_VARIABLE):
        servers = resolve(place.data, environ)
        _wait(servers, tell)
        yield servers
        return
    directory = DataDirectory.choose(place.data, environ)
    state = read_state(directory.state)
    if state is not None and state.supervisor.alive():
        tell(f"on the stack that runs in {directory.path}")
        servers = resolve(directory.path, environ)
        _wait(servers, tell)
        yield servers
        return
    options = StackOptions(
        data=directory.path,
        kafka_port=place.kafka_port,
        clickhouse_port=place.clickhouse_port,
        topic_prefix=KafkaConnection.from_env(environ).prefix,
    )

    def show(event: Event) -> None:
        tell(event.line())

    tell(f"starting a stack in {directory.path}")
    detach_stack(options, show)
    try:
        yield options.servers()
    finally:
        tell("stopping the stack; its data stay")
        stop_stack(directory, tell)


def _wait(servers: Servers, tell: Callable[[str], None]) -> None:
    """Wait for topics and tables: those who start everything at once should not have to say in which order."""
    give_up = time.monotonic() + _PATIENCE_SECONDS
    told = False
    while (missing := _missing(servers)) is not None:
        if time.monotonic() > give_up:
            raise UserError(missing)
        if not told:
            tell(f"waiting: {missing}")
            told = True
        time.sleep(_PAUSE_SECONDS)


def _missing(servers: Servers) -> str | None:
    try:
        absent = [state.name for state in topics.inspect(servers.kafka_connection()) if not state.found]
        if absent:
            return f"Kafka has no topic {absent[0]}: run `turnlog topics apply`"
        ClickHouse(servers.clickhouse).rows("SELECT count() FROM account_parts")
    except QueryError as error:
        if error.code not in _NOT_YET:
            raise
        return "ClickHouse has no tables: run `turnlog migrate`"
    except (TransientError, ServerAwayError) as error:
        return str(error)
    return None
