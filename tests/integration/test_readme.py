"""The README's commands, queries and client, run as they stand there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chats import write_chats
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


def test_the_commands_run_in_their_order(tmp_path: Path) -> None:
    write_chats(tmp_path / "chats.jsonl", 2)
    data = tmp_path / "stack"
    (block,) = blocks("console")
    ports = ("--kafka-port", str(free_port()), "--clickhouse-port", str(free_port()))
    try:
        for line in block.splitlines():
            program, command, *arguments = shlex.split(line.removeprefix("$ "))
            assert program == "turnlog"
            arguments = [str(tmp_path / each) if each.endswith(".jsonl") else each for each in arguments]
            turnlog(command, *arguments, *(ports if command == "up" else ()), data=data)
    finally:
        turnlog("down", data=data)


def test_the_client_and_the_queries_do_what_is_said(stack: Callable[..., RunningStack]) -> None:
    running = stack()
    (client,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", client],
        env={"TURNLOG_SERVICE": "readme", "TURNLOG_KAFKA_BOOTSTRAP_SERVERS": running.kafka},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "sent=2, failed=0, dropped=0, pending=0" in done.stdout
    stored = "SELECT last_user_text, output_text FROM calls WHERE service_name = 'readme'"

    def answer() -> str:
        return running.turnlog("sql", stored, "--format", "TSV").stdout.strip()

    row = eventually(answer)
    assert re.fullmatch(r"Where is my parcel\? Write to <EMAIL:k1-[0-9a-f]+>\.\tIt is on its way\.", row)
    queries = blocks("sql")
    assert len(queries) == 5
    for query in queries:
        running.turnlog("sql", query)
