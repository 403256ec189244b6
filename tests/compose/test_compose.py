"""docker-compose.yml for real: chats go in from outside, workers are killed, every chat is stored once."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chats import MODELS, write_chats
from compose.engine import SETUP, Project, find_engine
from equalities import assert_panes_equal_calls, assert_quantiles_within_one_percent, assert_stored_once, one
from services import RunningStack
from support import eventually
from turnlog.stack.ports import free_port

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1800)]

PER_MODEL, REPEAT, RATE = 50, 10, 40
EVENTS = PER_MODEL * len(MODELS) * REPEAT


class ComposedStack(RunningStack):
    """A stack in containers, reached from outside by the ports it publishes."""

    def turnlog(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of turnlog on this stack."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"turnlog {arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def command(self, *arguments: str) -> tuple[str, ...]:
        """Return the command line of a command of turnlog."""
        return (sys.executable, "-m", "turnlog.stack.command", *arguments)

    def environment(self) -> dict[str, str]:
        """Return what leads a command to this stack."""
        return {
            **os.environ,
            "TURNLOG_KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            "TURNLOG_CLICKHOUSE_URL": self.clickhouse,
        }


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    """The services, with ports and volumes of their own; everything is removed afterwards."""
    engine = find_engine()
    if engine is None:
        pytest.skip(f"there is no Docker engine, and {SETUP} names no command that prepares another")
    settings = {
        "KAFKA_PORT": str(free_port()),
        "CLICKHOUSE_PORT": str(free_port()),
        "CLICKHOUSE_PASSWORD": secrets.token_hex(12),
        "TURNLOG_PARTITIONS": "4",
        "TURNLOG_TOPIC_PREFIX": "chat.",
        "TURNLOG_LOG_LEVEL": "INFO",
    }
    project = Project(engine, f"turnlog-test-{os.getpid()}", settings)
    try:
        yield project
    finally:
        project.down()


@pytest.fixture(scope="module")
def composed(
    project: Project, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ComposedStack]:
    """All services started, two containers of processors among them."""
    settings, failed = project.settings, request.session.testsfailed
    try:
        project.up("--scale", "processors=2")
        yield ComposedStack(
            data=tmp_path_factory.mktemp("nothing"),
            kafka=f"127.0.0.1:{settings['KAFKA_PORT']}",
            clickhouse=f"http://default:{settings['CLICKHOUSE_PASSWORD']}@127.0.0.1:{settings['CLICKHOUSE_PORT']}",
        )
    finally:
        if request.session.testsfailed > failed or sys.exc_info()[0]:
            print(project.logs())  # noqa: T201 - pytest shows it beside the failure


def test_chats_from_outside_are_stored_once_though_workers_are_killed(
    project: Project, composed: ComposedStack, tmp_path: Path
) -> None:
    file = write_chats(tmp_path / "chats.jsonl", PER_MODEL)
    replay = subprocess.Popen(
        composed.command("replay", str(file), "--repeat", str(REPEAT), "--rate", str(RATE)),
        env=composed.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        eventually(lambda: stored(composed) > 0, 120, 0.5)
        for service in ("processors", "sinks"):
            before = stored(composed)
            project.kill(service)
            eventually(lambda: stored(composed) > min(before, EVENTS - 1), 120, 0.5)  # noqa: B023 - asked in this round
        output, _ = replay.communicate(timeout=300)
    finally:
        replay.kill()
    assert replay.returncode == 0, output
    account = composed.turnlog("account", "--wait", "120", check=False)
    assert account.returncode == 0, account.stdout + account.stderr
    assert_stored_once(composed, EVENTS, EVENTS)
    eventually(lambda: one(composed, "SELECT sum(calls) AS n FROM panes")["n"] == EVENTS, 60, 0.5)
    assert_panes_equal_calls(composed)
    assert_quantiles_within_one_percent(composed)


def test_a_stack_that_is_started_again_has_kept_everything(project: Project, composed: ComposedStack) -> None:
    before = stored(composed)
    project.kill("kafka")
    project.kill("clickhouse")
    project.up("--scale", "processors=2")
    eventually(lambda: composed.turnlog("sql", "SELECT 1", check=False).returncode == 0, 60, 0.5)
    assert stored(composed) == before
    account = composed.turnlog("account", "--wait", "120", check=False)
    assert account.returncode == 0, account.stdout + account.stderr


def stored(stack: ComposedStack) -> int:
    """Return how many calls are stored."""
    number: int = one(stack, "SELECT count() AS n FROM calls")["n"]
    return number
