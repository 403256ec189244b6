"""kill -9 of the rights worker while it erases a subject whose chats stream in: all of it goes, and stays away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from services import RunningStack
from support import eventually
from turnlog.producers import Client as Bot
from turnlog.producers import KafkaConnection
from turnlog.sinks import client
from turnlog.sinks.rights import TABLES
from turnlog.stack.rights import read_asked

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

EVENTS = int(os.environ.get("RIGHTS_EVENTS", "2000"))
"""Of each of two people."""

PEOPLE = ("jane@example.com", "joe@example.org")


def write_people(path: Path, number: int, *, times: bool = True) -> Path:
    """Chats of two people by turns, one call each; last week, or without saying when."""
    began = datetime.now(UTC) - timedelta(days=6)
    with path.open("w", encoding="utf-8") as lines:
        for each in range(number):
            for person in PEOPLE:
                chat = {
                    "conversation_id": f"{person.partition('@')[0]}-{each:05}",
                    "user": person,
                    "model": "gpt-4o",
                    **({"created_at": (began + timedelta(seconds=each)).isoformat()} if times else {}),
                    "messages": [
                        {"role": "user", "content": f"I am {person}, where is parcel {each}?"},
                        {"role": "assistant", "content": "On its way."},
                    ],
                }
                lines.write(json.dumps(chat) + "\n")
    return path


def start(running: RunningStack, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "turnlog.stack.command", *arguments],
        env={**os.environ, "TURNLOG_DATA": str(running.data)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def left(server: Client, tokens: Sequence[str]) -> dict[str, int]:
    """Rows in every table that name the subject anywhere, in whatever column."""
    names = [name for name, table in TABLES.items() if not table.catalogue]
    query = " UNION ALL ".join(
        f"SELECT '{name}', count() FROM {name} WHERE multiSearchAny(toString(tuple(*)), {tokens!r}) "
        "OR startsWith(conversation_id, 'jane-')"
        for name in names
    )
    return {str(name): int(count) for name, count in server.query(query).result_rows if count}


def count(server: Client, table: str) -> int:
    return int(server.query(f"SELECT count() FROM {table}").result_rows[0][0])


def test_an_erasure_during_a_replay_outlives_two_kills_and_what_comes_after_it(
    stack: Callable[..., RunningStack], tmp_path: Path
) -> None:
    running = stack()
    file = write_people(tmp_path / "people.jsonl", EVENTS)
    connection = KafkaConnection(running.kafka)
    server = client(running.clickhouse, database="turnlog")
    bot = Bot("bot", connection=connection)
    for number in range(10):  # lines of her chats that do not say whose they are
        with bot.conversation(f"jane-{number:05}"):
            bot.info("a parcel was looked up")
    assert bot.close().sent == 10

    replay = start(running, "replay", str(file), "--rate", str(max(300, EVENTS // 12)))
    try:
        eventually(lambda: count(server, "calls") > EVENTS // 4, 120, 0.2)
        asked = running.turnlog("privacy", "erase", "--subject", PEOPLE[0], "--by", "officer", "--wait", "0")
        assert "no receipt yet" in asked.stdout
        log = running.data / "logs" / "rights.log"
        for before in range(2):  # each time in the middle of it: a worker that comes back begins it anew
            eventually(lambda: log.read_text("utf-8").count('"event": "request"') > before, 60)  # noqa: B023 - same
            eventually(lambda: count(server, "privacy_marks"), 60)
            killed = running.kill("rights")
            eventually(lambda: running.process("rights") != killed, 60)  # noqa: B023 - asked within this round
        output, _ = replay.communicate(timeout=300)
    finally:
        replay.kill()
    assert replay.returncode == 0, output

    found = eventually(lambda: next(iter(read_asked(connection)[0].receipts), None), 120, 0.5)
    assert found is not None
    assert found["attributes"]["verified"] == "counted after deletion: 0 rows in every table"
    tokens = _tokens(server)
    _all_arrived(running, 2 * EVENTS)
    eventually(lambda: left(server, tokens) == {}, 60, 0.5)
    joes = "SELECT count(), uniqExact(event_id), uniqExact(user_key) FROM calls"
    assert server.query(joes).result_rows == [(EVENTS, EVENTS, 1)]

    # Sent again, and as if it were of today, it is swept up again, and Joe's are there twice.
    again = running.turnlog("replay", str(write_people(tmp_path / "again.jsonl", EVENTS, times=False)))
    assert again.returncode == 0
    _all_arrived(running, 4 * EVENTS)
    eventually(lambda: left(server, tokens) == {}, 60, 0.5)
    assert server.query(joes).result_rows == [(2 * EVENTS, 2 * EVENTS, 1)]

    def told() -> str:
        last = read_asked(connection)[0].receipts[-1]
        return str(last["attributes"].get("erased_in_all"))

    # Each of them counted, and once, whatever was killed and whatever arrived meanwhile.
    eventually(lambda: told() == str(2 * EVENTS + 10), 60, 0.5)
    whole = running.turnlog("audit", "verify", "--source", "kafka")
    assert whole.stdout.count("whole") >= 1
    assert PEOPLE[0] not in running.turnlog("audit", "export", str(tmp_path / "trail")).stdout
    assert PEOPLE[0] not in (tmp_path / "trail").read_text("utf-8")
    assert running.status()["components"][-1]["restarts"] >= 2


def _tokens(server: Client) -> list[str]:
    found = server.query("SELECT DISTINCT value FROM privacy_marks WHERE class = 'token'").result_rows
    tokens = [str(value) for (value,) in found]
    assert {token.partition(":")[0] for token in tokens} == {"<USER", "<EMAIL"}
    return tokens


def _all_arrived(running: RunningStack, events: int) -> None:
    """Wait until the account balances. It counts what was ever stored: deleting rows does not change it."""
    account = json.loads(running.turnlog("account", "--wait", "120", "--json").stdout)
    assert account["balanced"]
    sent = [each for each in account["entries"] if each["service_name"] == "replay"]
    assert sum(each["stored"] for each in sent) >= events, "with the replays' own reports"
