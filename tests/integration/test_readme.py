"""The README's commands, queries and client, run as they stand there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from chats import write_chats
from equalities import rows
from services import RunningStack, turnlog
from support import eventually
from turnlog.stack.ports import free_port

pytestmark = pytest.mark.timeout(300)

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_make_has_every_target_that_is_named() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = set(re.findall(r"\bmake ([a-z-]+)", README)) - {"things"}
    assert {"demo", "test", "bench", "test-compose"} <= named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_commands_client_and_queries_run_in_their_order(tmp_path: Path) -> None:
    write_chats(tmp_path / "chats.jsonl", 2)
    data, kafka, clickhouse = tmp_path / "stack", free_port(), free_port()
    ports = ("--kafka-port", str(kafka), "--clickhouse-port", str(clickhouse))

    def run(line: str) -> None:
        program, command, *arguments = shlex.split(line.removeprefix("$ "))
        assert program == "turnlog"
        arguments = [str(tmp_path / each) if each.endswith(".jsonl") else each for each in arguments]
        turnlog(command, *arguments, *(ports if command == "up" else ()), data=data)

    (block,) = blocks("console")
    *commands, last = block.splitlines()
    assert last == "$ turnlog down"
    try:
        for each in commands:
            run(each)
        check_client_and_queries(RunningStack(data, f"127.0.0.1:{kafka}", f"http://127.0.0.1:{clickhouse}"))
        run(last)
    finally:
        turnlog("down", data=data)


def check_client_and_queries(running: RunningStack) -> None:
    (client,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", client],
        env={"TURNLOG_SERVICE": "readme", "TURNLOG_KAFKA_BOOTSTRAP_SERVERS": running.kafka},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "sent=2, failed=0, dropped=0, pending=0" in done.stdout
    stored = "SELECT last_user_text AS asked, output_text AS told FROM calls WHERE service_name = 'readme'"
    (row,) = eventually(lambda: rows(running, stored))
    assert re.fullmatch(r"Where is my parcel\? Write to <EMAIL:k1-[0-9a-f]+>\.", row["asked"])
    assert row["told"] == "It is on its way."
    queries = blocks("sql")
    assert len(queries) == 5
    for query in queries:
        running.turnlog("sql", query)
