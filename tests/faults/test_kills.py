"""kill -9 of every component while chats stream in: nothing is lost, nothing is counted twice, nothing needs a hand."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chats import MODELS, write_chats
from equalities import (
    assert_panes_equal_calls,
    assert_quantiles_within_one_percent,
    assert_stored_once,
    one,
)
from services import RunningStack
from support import eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

PER_MODEL, REPEAT, RATE = 100, 10, 120
EVENTS = PER_MODEL * len(MODELS) * REPEAT


def settled(stack: RunningStack, events: int) -> Callable[[], bool]:
    """A condition: all calls are stored and folded into panes."""
    query = "SELECT (SELECT count() FROM calls) AS stored, (SELECT sum(calls) FROM panes) AS folded"
    return lambda: set(one(stack, query).values()) == {events}


def test_killing_every_component_twice_changes_nothing(stack: Callable[..., RunningStack], tmp_path: Path) -> None:
    running = stack()
    file = write_chats(tmp_path / "chats.jsonl", PER_MODEL)
    replay = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "turnlog.stack.command",
            "replay",
            str(file),
            "--repeat",
            str(REPEAT),
            "--rate",
            str(RATE),
        ],
        env={**os.environ, "TURNLOG_DATA": str(running.data)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for component in ("processor-0", "sink-0", "kafka", "clickhouse") * 2:
            killed = running.kill(component)
            eventually(lambda: running.process(component) != killed, 60)  # noqa: B023 - asked within this round
            eventually(running.all_ready, 90)
        output, _ = replay.communicate(timeout=300)
    finally:
        replay.kill()
    assert replay.returncode == 0, output
    eventually(settled(running, EVENTS), 120, 0.5)
    account = running.turnlog("account", "--wait", "60")
    assert account.returncode == 0, account.stdout
    assert_stored_once(running, EVENTS, EVENTS)
    assert_panes_equal_calls(running)
    assert_quantiles_within_one_percent(running)
    restarts = {each["name"]: each["restarts"] for each in running.status()["components"]}
    assert all(restarts[name] >= 2 for name in ("processor-0", "sink-0", "kafka", "clickhouse")), restarts


def test_two_workers_and_two_sinks_share_the_work_and_outlive_one_another(
    stack: Callable[..., RunningStack], tmp_path: Path
) -> None:
    running = stack(workers=2, sinks=2)
    file = write_chats(tmp_path / "chats.jsonl", PER_MODEL)
    replay = subprocess.Popen(
        [sys.executable, "-m", "turnlog.stack.command", "replay", str(file), "--repeat", "4", "--rate", "100"],
        env={**os.environ, "TURNLOG_DATA": str(running.data)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for component in ("processor-1", "sink-1", "processor-0", "sink-0"):
            running.kill(component)
            eventually(running.all_ready, 90)
        assert replay.wait(300) == 0
    finally:
        replay.kill()
    events = PER_MODEL * len(MODELS) * 4
    eventually(settled(running, events), 120, 0.5)
    assert_stored_once(running, events, events)
    assert_panes_equal_calls(running)
    assert running.turnlog("account", "--wait", "60").returncode == 0
