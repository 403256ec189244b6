"""Real servers for tests, started and stopped by the stack's own code."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from support import eventually
from turnlog.stack.identity import ProcessIdentity
from turnlog.stack.ports import free_port
from turnlog.stack.probes import clickhouse_answers, kafka_answers
from turnlog.stack.state import read_state
from turnlog.stack.supervisor import Component
from turnlog.stack.supervisor.logs import tail
from turnlog.stack.supervisor.process import ChildProcess

_PATIENCE = 120.0


@contextmanager
def kafka_broker(folder: Path, port: int | None = None) -> Iterator[str]:
    """Run a broker, on a port of its choice or a given one, and give its bootstrap servers."""
    port = port or free_port()
    command = ("turnlog.stack.kafka", "--data", str(folder / "kafka"), "--port", str(port))
    with _running("kafka", command, partial(kafka_answers, port), folder):
        yield f"127.0.0.1:{port}"


@contextmanager
def clickhouse_endpoint(folder: Path) -> Iterator[str]:
    """Run a ClickHouse endpoint and give its URL."""
    port = free_port()
    command = (
        "turnlog.stack.endpoint",
        "--path",
        str(folder / "clickhouse"),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    )
    with _running("clickhouse", command, partial(clickhouse_answers, port), folder):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _running(name: str, command: tuple[str, ...], ready: Callable[[], bool], folder: Path) -> Iterator[None]:
    log = folder / f"{name}.log"
    component = Component(name=name, command=(sys.executable, "-P", "-m", *command), ready=ready)
    process = ChildProcess(component, log=log, folder=folder, environment=os.environ)

    def is_ready() -> bool:
        if (end := process.ended()) is not None:
            raise RuntimeError("\n".join([f"{name} {end}", *tail(log)]))
        return ready()

    try:
        eventually(is_ready, _PATIENCE)
        yield
    finally:
        process.terminate()
        try:
            eventually(process.ended, _PATIENCE)
        finally:
            process.kill()


@dataclass(frozen=True)
class RunningStack:
    """A stack that `turnlog up --detach` started.

    Attributes:
        data: Its data directory.
        kafka: Bootstrap servers.
        clickhouse: URL of ClickHouse.
    """

    data: Path
    kafka: str
    clickhouse: str

    def turnlog(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of turnlog on this stack."""
        return turnlog(*arguments, data=self.data, check=check)

    def status(self) -> dict[str, Any]:
        """Return what `turnlog status --json` says."""
        report: dict[str, Any] = json.loads(self.turnlog("status", "--json", check=False).stdout)
        return report

    def process(self, component: str) -> ProcessIdentity:
        """Return the process that runs a component, waiting for one if need be."""

        def running() -> ProcessIdentity | None:
            state = read_state(self.data / "stack.json")
            found = [each.process for each in state.components if each.name == component] if state else []
            return next((process for process in found if process is not None and process.alive()), None)

        process = eventually(running, _PATIENCE)
        assert process is not None
        return process

    def kill(self, component: str) -> ProcessIdentity:
        """Kill a component's process with SIGKILL and return what it was."""
        process = self.process(component)
        process.send(signal.SIGKILL)
        return process

    def all_ready(self) -> bool:
        """Tell whether every component is ready."""
        state = read_state(self.data / "stack.json")
        return state is not None and state.ready and all(each.state == "ready" for each in state.components)


def turnlog(*arguments: str, data: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command of turnlog with its data directory and return its output."""
    done = subprocess.run(
        [sys.executable, "-m", "turnlog.stack.command", *arguments],
        env={**os.environ, "TURNLOG_DATA": str(data)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if check:
        assert done.returncode == 0, f"turnlog {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


class StackFactory:
    """Starts stacks and stops all of them at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Path] = []

    def __call__(
        self,
        *,
        workers: int = 1,
        sinks: int = 1,
        data: Path | None = None,
        kafka_port: int | None = None,
        clickhouse_port: int | None = None,
    ) -> RunningStack:
        """Start a stack on free ports, in a new folder unless one is given, and return when everything is ready."""
        folder = data or self._folder / f"stack-{len(self._started)}"
        kafka, clickhouse = kafka_port or free_port(), clickhouse_port or free_port()
        self._started.append(folder)
        turnlog(
            *("up", "--detach", "--workers", str(workers), "--sinks", str(sinks)),
            *("--kafka-port", str(kafka), "--clickhouse-port", str(clickhouse)),
            data=folder,
        )
        return RunningStack(folder, f"127.0.0.1:{kafka}", f"http://127.0.0.1:{clickhouse}")

    def stop_all(self) -> None:
        """Stop every stack that was started, also those that the test has broken."""
        for folder in dict.fromkeys(self._started):
            turnlog("down", data=folder)
