"""What `turnlog status` says, as a value: the stack as its state file, its processes and Kafka tell it now."""

from pydantic import BaseModel, ConfigDict

from turnlog.schemas import TurnlogError
from turnlog.stack.datadir import DataDirectory
from turnlog.stack.lag import Lag, read_lag
from turnlog.stack.servers import Servers, resolve
from turnlog.stack.state import ComponentRecord, StackState, read_state


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class ComponentReport(_Value):
    """One component now.

    Attributes:
        name: Its name.
        pid: Its process, if one runs.
        state: A component state; ``orphaned`` if it runs without a supervisor, ``dead`` if it should run and does not.
        restarts: How often it was started again.
        uptime_seconds: How long its process has been running.
        last_end: How the process before it ended, in words.
        log: Its log file.
    """

    name: str
    pid: int | None
    state: str
    restarts: int
    uptime_seconds: float | None
    last_end: str
    log: str


class LagReport(_Value):
    """How far a group is behind in a topic, all partitions together.

    Attributes:
        group: The consumer group.
        topic: Full name of the topic.
        partitions: How many there are.
        end: Sum of the partitions' end offsets.
        lag: Offsets not committed yet.
    """

    group: str
    topic: str
    partitions: int
    end: int
    lag: int


class StatusReport(_Value):
    """A stack now.

    Attributes:
        data: Its data directory.
        state: ``running``, ``starting``, ``orphaned`` (its supervisor was killed) or ``stopped``.
        supervisor_pid: The supervisor, if it runs.
        kafka: Bootstrap servers.
        clickhouse: URL of ClickHouse.
        components: In the order in which they start.
        lag: By group and topic.
        lag_error: Why there is no lag to tell.
    """

    data: str
    state: str
    supervisor_pid: int | None
    kafka: str | None
    clickhouse: str | None
    components: tuple[ComponentReport, ...] = ()
    lag: tuple[LagReport, ...] = ()
    lag_error: str | None = None


def read_status(directory: DataDirectory, now: float) -> StatusReport:
    """Look at a stack. Blocks for some seconds when Kafka does not answer.

    Args:
        directory: Where it lives.
        now: Unix time in seconds.
    """
    state = read_state(directory.state)
    if state is None:
        return StatusReport(data=str(directory.path), state="stopped", supervisor_pid=None, kafka=None, clickhouse=None)
    servers = resolve(directory.path, {})
    lag, lag_error = _lag(servers)
    state = read_state(directory.state) or state  # asking for the lag may have taken seconds
    watched = state.supervisor.alive()
    return StatusReport(
        data=str(directory.path),
        state=_stack_state(state, watched=watched),
        supervisor_pid=state.supervisor.pid if watched else None,
        kafka=servers.kafka,
        clickhouse=servers.clickhouse,
        components=tuple(_component(record, watched=watched, now=now) for record in state.components),
        lag=lag,
        lag_error=lag_error,
    )


def _stack_state(state: StackState, *, watched: bool) -> str:
    if not watched:
        return "orphaned"
    return "running" if state.ready else "starting"


def _component(record: ComponentRecord, *, watched: bool, now: float) -> ComponentReport:
    alive = record.process is not None and record.process.alive()
    words = record.state
    if not watched:
        words = "orphaned" if alive else "dead"
    elif record.process is not None and not alive:
        words = "dead"  # for the moment until the supervisor sees it
    return ComponentReport(
        name=record.name,
        pid=record.process.pid if alive and record.process else None,
        state=words,
        restarts=record.restarts,
        uptime_seconds=max(0.0, now - record.since) if alive and record.since is not None else None,
        last_end=record.last_end,
        log=record.log,
    )


def _lag(servers: Servers) -> tuple[tuple[LagReport, ...], str | None]:
    try:
        return summarize(read_lag(servers.kafka_connection({}))), None
    except TurnlogError as error:
        return (), str(error)


def summarize(lags: list[Lag]) -> tuple[LagReport, ...]:
    """Add the partitions of each group and topic up, leaving out topics in which nothing ever was."""
    places = sorted({(lag.group, lag.topic) for lag in lags})
    reports = []
    for group, topic in places:
        parts = [lag for lag in lags if (lag.group, lag.topic) == (group, topic)]
        end = sum(part.end for part in parts)
        if end:
            behind = sum(part.behind for part in parts)
            reports.append(LagReport(group=group, topic=topic, partitions=len(parts), end=end, lag=behind))
    return tuple(reports)
