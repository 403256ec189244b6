"""The broker goes away, the chatbot is killed meanwhile, both come back: what was accepted is stored once."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from equalities import one, rows
from services import RunningStack
from support import eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

RATE = 200
SECONDS = float(os.environ.get("OUTAGE_SECONDS", "6"))
LAST_NS = 100_000_000
"""What was accepted less than this before the kill may be lost, but not uncounted."""


class Logged(NamedTuple):
    """A call that a chatbot has logged: when, which, and what that cost it, in nanoseconds."""

    moment: int
    number: int
    cost: int


class Bot:
    """A running chatbot."""

    def __init__(self, folder: Path, servers: str, spool: Path, seconds: float = 0) -> None:
        self.path = folder / f"bot-{time.monotonic_ns()}"
        program = Path(__file__).parent / "outage_bot.py"
        self.errors = self.path.with_suffix(".err")
        with self.path.open("wb") as out, self.errors.open("wb") as errors:
            command = [sys.executable, str(program), servers, str(spool), str(RATE), str(seconds)]
            self.process = subprocess.Popen(command, stdout=out, stderr=errors)

    def producer(self) -> str:
        return self.path.read_text().split(maxsplit=1)[0]

    def logged(self) -> list[Logged]:
        lines = self.path.read_text().split("\n")[1:-1]
        return [Logged(*map(int, line.split())) for line in lines]

    def kill(self) -> int:
        """Kill it with SIGKILL; returns a moment after which it has done nothing."""
        moment = time.monotonic_ns()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        return moment


def costs(calls: list[Logged]) -> str:
    spent = [each.cost / 1000 for each in calls]
    return f"{statistics.median(spent):.0f} and {statistics.quantiles(spent, n=100)[98]:.0f} µs"


def stall_ns(calls: list[Logged]) -> int:
    """How long the machine let the chatbot stand still, at worst, in what it logged last; beyond its own pauses."""
    moments = [each.moment for each in calls[-2 * RATE :]]
    return max(later - earlier for earlier, later in pairwise(moments)) - 1_000_000_000 // RATE


def test_an_outage_and_a_kill_lose_nothing_uncounted(stack: Callable[..., RunningStack], tmp_path: Path) -> None:
    running = stack()
    port = int(running.kafka.rpartition(":")[2])
    spool = tmp_path / "spool"
    bot = Bot(tmp_path, running.kafka, spool)
    try:
        eventually(lambda: len(bot.logged()) > 3 * RATE, 60)
        before = len(bot.logged())
        running.turnlog("down")
        outage = len(bot.logged())
        eventually(lambda: len(bot.logged()) > outage + SECONDS * RATE, 60 + SECONDS)
        killed_at = bot.kill()
    finally:
        bot.process.kill()
    logged = bot.logged()
    running = stack(data=running.data, kafka_port=port)
    heir = Bot(tmp_path, running.kafka, spool, seconds=2)
    assert heir.process.wait(120) == 0
    assert "dropped=0, pending=0, spooled=0" in heir.errors.read_text()

    account = running.turnlog("account", "--wait", "90", check=False)
    assert account.returncode == 0, account.stdout
    producer = bot.producer()
    numbers = rows(running, f"SELECT request_id FROM calls WHERE producer_id = '{producer}'")
    stored = [int(each["request_id"].removeprefix("r-")) for each in numbers]
    assert len(set(stored)) == len(stored), "something is stored twice"
    lost = [each for each in logged if each.number not in set(stored)]
    ages = [round((killed_at - each.moment) / 1e6, 1) for each in lost]
    sys.stdout.write(  # -s shows it
        f"{len(logged)} calls logged, {len(stored)} stored; lost, ms before the kill: {ages}; caller's median and p99: "
        f"{costs(logged[200:before])} before, {costs(logged[outage:])} during the outage\n"
    )
    # What a machine that does other things takes from the chatbot's threads is no fault of theirs.
    assert not [each for each in lost if killed_at - each.moment > LAST_NS + stall_ns(logged)], ages

    entry = one(running, f"SELECT sent, stored, dropped_total, closed FROM account WHERE producer_id = '{producer}'")
    reports = entry["sent"] - len(logged)
    assert 1 <= reports <= 3, entry
    (dropped,) = rows(running, f"SELECT dropped FROM account WHERE producer_id = '{producer}'")
    assert dropped["dropped"].keys() <= {"crashed"}, dropped
    assert entry["stored"] + entry["dropped_total"] >= entry["sent"]
    assert (entry["closed"], list(spool.iterdir())) == (1, [])
