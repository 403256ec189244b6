"""Which components make a stack."""

import os
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from turnlog.schemas.errors import SettingError
from turnlog.stack.datadir import DataDirectory
from turnlog.stack.preparations import preparations
from turnlog.stack.probes import clickhouse_answers, file_exists, kafka_answers
from turnlog.stack.servers import Servers
from turnlog.stack.supervisor.component import Component
from turnlog.stack.supervisor.stage import Stage

EXPORTS_VARIABLE = "TURNLOG_RIGHTS_EXPORT_FOLDER"


@dataclass(frozen=True, kw_only=True)
class StackOptions:
    """What a user may choose about a stack.

    Attributes:
        data: Its data directory, absolute.
        workers: Number of processor processes.
        sinks: Number of sink processes; without any, there is no rights worker either.
        kafka_port: Loopback port of the broker.
        clickhouse_port: Loopback port of the ClickHouse endpoint.
        topic_prefix: What stands before every topic's name.
    """

    data: Path
    workers: int = 1
    sinks: int = 1
    kafka_port: int = 9092
    clickhouse_port: int = 8123
    topic_prefix: str = "chat."

    def __post_init__(self) -> None:
        """Refuse what cannot run.

        Raises:
            SettingError: A number is out of range.
        """
        if self.workers < 0 or self.sinks < 0:
            raise SettingError("--workers and --sinks must not be negative")
        for option, port in self.ports().items():
            if not 0 < port < 65536:
                raise SettingError(f"{option} must be between 1 and 65535")

    def ports(self) -> dict[str, int]:
        """Return the ports by the option that sets them."""
        return {"--kafka-port": self.kafka_port, "--clickhouse-port": self.clickhouse_port}

    def servers(self) -> Servers:
        """Return what the stack's servers are called."""
        return Servers(
            kafka=f"127.0.0.1:{self.kafka_port}",
            clickhouse=f"http://127.0.0.1:{self.clickhouse_port}",
            topic_prefix=self.topic_prefix,
            data=self.data,
        )


def plan(options: StackOptions) -> tuple[Stage, ...]:
    """Return the stages of a stack: the servers, then what works on them."""
    directory = DataDirectory(options.data)
    servers = (_kafka(directory, options.kafka_port), _clickhouse(directory, options.clickhouse_port))
    key = {"TURNLOG_PSEUDONYM_KEY_FILE": str(directory.pseudonym_key)}
    workers = (
        *(_worker(directory, "processor", "turnlog.processors", number, key) for number in range(options.workers)),
        *(_worker(directory, "sink", "turnlog.sinks", number, {}) for number in range(options.sinks)),
        # Where nothing is loaded, nobody is erased.
        *((_component(directory, "rights", "turnlog.sinks.rights", _exports(directory)),) if options.sinks else ()),
    )
    return Stage(servers, preparations(options.servers())), Stage(workers)


def _exports(directory: DataDirectory) -> dict[str, str]:
    return {} if EXPORTS_VARIABLE in os.environ else {EXPORTS_VARIABLE: str(directory.exports)}


def _kafka(directory: DataDirectory, port: int) -> Component:
    return Component(
        name="kafka",
        command=_python("turnlog.stack.kafka", "--data", str(directory.kafka), "--port", str(port)),
        ready=partial(kafka_answers, port),
        start_timeout=120.0,  # after a kill, a broker reads through the logs it had open
        stop_timeout=30.0,
    )


def _clickhouse(directory: DataDirectory, port: int) -> Component:
    return Component(
        name="clickhouse",
        command=_python(
            "turnlog.stack.endpoint",
            *("--path", str(directory.clickhouse), "--host", "127.0.0.1", "--port", str(port)),
        ),
        ready=partial(clickhouse_answers, port),
        start_timeout=120.0,  # an engine reads its parts before it answers
        stop_timeout=30.0,
    )


def _worker(directory: DataDirectory, kind: str, module: str, number: int, more: dict[str, str]) -> Component:
    return _component(directory, f"{kind}-{number}", module, {"TURNLOG_WORKER_ID": str(number), **more})


def _component(directory: DataDirectory, name: str, module: str, environment: dict[str, str]) -> Component:
    ready_file = directory.ready_file(name)
    return Component(
        name=name,
        command=_python(module),
        environment={"TURNLOG_READY_FILE": str(ready_file), **environment},
        ready=partial(file_exists, ready_file),
        ready_file=ready_file,
    )


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    # -P: the folder a component stands in must not be a place to import from.
    return (sys.executable, "-P", "-m", module, *arguments)
