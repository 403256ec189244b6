"""The watch over real processes: small ones of the test's own first, then a real stack."""

import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka import Producer

from services import RunningStack, StackFactory, turnlog
from support import eventually
from turnlog.schemas import KafkaConnection, SettingError
from turnlog.stack.datadir import DataDirectory
from turnlog.stack.identity import ProcessIdentity, processes_with
from turnlog.stack.lag import read_lag
from turnlog.stack.ports import free_port
from turnlog.stack.preparations import Preparation
from turnlog.stack.servers import Servers
from turnlog.stack.state import read_state
from turnlog.stack.supervisor import (
    Component,
    Event,
    StackOptions,
    Stage,
    StartFailedError,
    Supervisor,
    detach_stack,
    stop_stack,
)

pytestmark = pytest.mark.services

OBEDIENT = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); print('here', flush=True); time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + OBEDIENT
BROKEN = "import sys; sys.exit('no such thing')"


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    directory = DataDirectory(tmp_path / "data")
    directory.create()
    return directory


def component(directory: DataDirectory, name: str, program: str = OBEDIENT, **more: float) -> Component:
    ready_file = directory.ready_file(name)
    return Component(
        name=name,
        command=(sys.executable, "-c", program, str(ready_file)),
        environment={"TURNLOG_STACK": str(directory.path)},
        ready=ready_file.exists,
        ready_file=ready_file,
        **more,
    )


def supervisor(directory: DataDirectory, events: list[Event], *stages: Stage) -> Supervisor:
    return Supervisor(directory, Servers(data=directory.path), stages, environment={}, tell=events.append)


@contextmanager
def running(watch: Supervisor, events: list[Event]) -> Iterator[None]:
    thread = threading.Thread(target=watch.run)
    thread.start()
    try:
        eventually(lambda: any(event.kind == "ready" for event in events))
        yield
    finally:
        watch.request_stop()
        thread.join()


def process(directory: DataDirectory, name: str) -> ProcessIdentity | None:
    state = read_state(directory.state)
    return next((each.process for each in state.components if each.name == name), None) if state else None


def lines(events: list[Event]) -> list[str]:
    return [event.line() for event in events]


def test_stages_start_in_order_and_stop_in_reverse(directory: DataDirectory) -> None:
    events: list[Event] = []
    prepared: list[bool] = []
    preparation = Preparation("tables", lambda: prepared.append(directory.ready_file("first").exists()))
    watch = supervisor(
        directory,
        events,
        Stage((component(directory, "first"),), (preparation,)),
        Stage((component(directory, "second"),)),
    )
    with running(watch, events):
        pass
    said = [line for line in lines(events) if "pid" not in line]
    assert said == [
        "first: ready",
        "preparing tables",
        "second: ready",
        "everything is ready",
        "second: stopped",
        "first: stopped",
    ]
    assert prepared == [True]
    assert not directory.state.exists()
    assert directory.log("first").read_text() == "here\n"


def test_a_killed_component_is_started_again_and_the_state_file_says_so(directory: DataDirectory) -> None:
    events: list[Event] = []
    watch = supervisor(directory, events, Stage((component(directory, "it"), component(directory, "other"))))
    with running(watch, events):
        before, other = process(directory, "it"), process(directory, "other")
        assert before is not None
        before.send(signal.SIGKILL)
        eventually(lambda: "it: was killed by SIGKILL; starting it again in 0.2 s" in lines(events))
        eventually(lambda: lines(events).count("it: ready") == 2)

        def recorded() -> bool:
            state = read_state(directory.state)
            assert state is not None
            record = state.components[0]
            return (record.state, record.restarts, record.last_end) == ("ready", 1, "was killed by SIGKILL")

        eventually(recorded)
        assert process(directory, "it") != before
        assert process(directory, "other") == other


def test_what_does_not_stop_when_asked_is_killed(directory: DataDirectory) -> None:
    events: list[Event] = []
    watch = supervisor(directory, events, Stage((component(directory, "it", STUBBORN, stop_timeout=0.2),)))
    with running(watch, events):
        stubborn = process(directory, "it")
    assert "it: did not stop when asked; killed" in lines(events)
    assert stubborn is not None
    assert not stubborn.alive()


def test_a_component_that_cannot_start_ends_the_start_with_its_log(directory: DataDirectory) -> None:
    events: list[Event] = []
    watch = supervisor(
        directory, events, Stage((component(directory, "good"),)), Stage((component(directory, "bad", BROKEN),))
    )
    with pytest.raises(StartFailedError, match="bad did not start: it exited with 1, 3 times") as failure:
        watch.run()
    assert failure.value.component == "bad"
    assert set(failure.value.tail) == {"no such thing"}
    assert lines(events)[-1] == "good: stopped"
    assert not list(processes_with("TURNLOG_STACK", str(directory.path)))
    assert not directory.state.exists()


def test_a_preparation_that_fails_ends_the_start(directory: DataDirectory) -> None:
    def fail() -> None:
        raise SettingError("retention of -1 days")

    watch = supervisor(directory, [], Stage((component(directory, "it"),), (Preparation("tables", fail),)))
    with pytest.raises(StartFailedError, match="tables: retention of -1 days"):
        watch.run()
    assert not list(processes_with("TURNLOG_STACK", str(directory.path)))


WATCH = """
import sys
from pathlib import Path
from turnlog.stack.datadir import DataDirectory
from turnlog.stack.servers import Servers
from turnlog.stack.supervisor import Component, Stage, Supervisor

def sleeper(name):
    command = (sys.executable, "-c", "import time; time.sleep(600)")
    return Component(name=name, command=command, environment={"TURNLOG_STACK": sys.argv[1]}, ready=lambda: True)

directory = DataDirectory(Path(sys.argv[1]))
Supervisor(directory, Servers(), [Stage((sleeper("it"), sleeper("other")))], environment={}, tell=print).run()
"""


def test_what_a_killed_supervisor_left_is_stopped_also_what_it_had_not_written_down(directory: DataDirectory) -> None:
    with subprocess.Popen([sys.executable, "-c", WATCH, str(directory.path)], stdout=subprocess.DEVNULL) as watch:
        try:
            orphans = [eventually(partial(process, directory, name)) for name in ("it", "other")]
        finally:
            watch.kill()
    # As if it had been killed just after a start: one component stands in the file, the other does not.
    state = read_state(directory.state)
    assert state is not None
    state.model_copy(update={"components": state.components[:1]}).write(directory.state)
    assert all(orphan is not None and orphan.alive() for orphan in orphans)
    assert stop_stack(directory, lambda line: None)
    assert not any(orphan is not None and orphan.alive() for orphan in orphans)
    assert not directory.state.exists()
    assert not stop_stack(directory, lambda line: None)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackFactory]:
    factory = StackFactory(tmp_path_factory.mktemp("servers"))
    try:
        yield factory
    finally:
        factory.stop_all()


@pytest.fixture(scope="module")
def servers_only(servers: StackFactory) -> RunningStack:
    """A stack of servers alone; the last test that uses it ends it."""
    return servers(workers=0, sinks=0)


def select_one(url: str) -> bytes:
    with urllib.request.urlopen(url, data=b"SELECT 1", timeout=30) as answer:
        content: bytes = answer.read()
        return content


def test_status_tells_what_runs_and_what_is_behind(servers_only: RunningStack) -> None:
    report = servers_only.status()
    assert report["state"] == "running"
    assert [(each["name"], each["state"], each["restarts"]) for each in report["components"]] == [
        ("kafka", "ready", 0),
        ("clickhouse", "ready", 0),
    ]
    assert all(ProcessIdentity.of(each["pid"]) for each in report["components"])
    assert report["lag_error"] is None
    assert "kafka" in servers_only.turnlog("status").stdout


def test_a_second_stack_on_the_directory_or_on_its_ports_is_refused(servers_only: RunningStack, tmp_path: Path) -> None:
    second = turnlog("up", "--detach", data=servers_only.data, check=False)
    assert second.returncode == 2
    assert "already" in second.stderr
    assert second.stderr.count("\n") == 1
    port = servers_only.kafka.rpartition(":")[2]
    third = turnlog("up", "--kafka-port", port, data=tmp_path / "third", check=False)
    assert third.returncode == 2
    assert f"port {port} is in use" in third.stderr
    assert third.stderr.count("\n") == 1
    assert servers_only.all_ready()


def test_a_stack_survives_kills_also_of_its_supervisor(servers: StackFactory, servers_only: RunningStack) -> None:
    connection = KafkaConnection(servers_only.kafka)
    producer = Producer(connection.librdkafka())
    producer.produce("chat.raw.logs", b"kept", partition=0)
    assert producer.flush(30) == 0
    for name in ("kafka", "clickhouse"):
        servers_only.kill(name)

    def recovered() -> bool:
        state = read_state(servers_only.data / "stack.json")
        return state is not None and [(each.state, each.restarts) for each in state.components] == [("ready", 1)] * 2

    eventually(recovered, 120)

    def messages(bootstrap_servers: str) -> int:
        """Count what is written, but for the stack's own acts."""
        lags = read_lag(KafkaConnection(bootstrap_servers))
        return sum(lag.end for lag in lags if not lag.topic.endswith("audit"))

    report = servers_only.status()
    assert [(each["state"], each["restarts"]) for each in report["components"]] == [("ready", 1)] * 2
    eventually(lambda: messages(servers_only.kafka) == 1)
    assert select_one(servers_only.clickhouse) == b"1\n"

    state = read_state(servers_only.data / "stack.json")
    assert state is not None
    state.supervisor.send(signal.SIGKILL)
    eventually(lambda: not state.supervisor.alive())
    report = servers_only.status()
    assert report["state"] == "orphaned"
    assert {each["state"] for each in report["components"]} == {"orphaned"}

    again = servers(workers=0, sinks=0, data=servers_only.data)
    assert messages(again.kafka) == 1
    again.turnlog("down")
    assert not list(processes_with("TURNLOG_STACK", str(servers_only.data)))
    assert servers_only.status()["state"] == "stopped"


def test_a_start_that_fails_says_which_component_and_leaves_nothing(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path / "data")
    data.create()
    data.clickhouse.write_text("not a folder")
    options = StackOptions(data=data.path, workers=0, sinks=0, kafka_port=free_port(), clickhouse_port=free_port())
    with pytest.raises(StartFailedError, match="clickhouse did not start") as failure:
        detach_stack(options, lambda event: None)
    assert failure.value.tail
    assert not list(processes_with("TURNLOG_STACK", str(data.path)))
    assert not data.state.exists()
    for port in options.ports().values():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
