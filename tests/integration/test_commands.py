"""The commands, run as a user runs them."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chats import write_chats
from services import StackFactory, turnlog
from support import eventually
from turnlog.schemas import UserError
from turnlog.sinks import migrate
from turnlog.sinks.query import ClickHouse, QueryError, ServerAwayError
from turnlog.stack import cli
from turnlog.stack.ports import free_port

_CHATS = 5


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call it with a command's arguments, and with what its environment says: it runs in this process."""

    def run_here(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        capfd.readouterr()
        return subprocess.CompletedProcess(arguments, cli.run(arguments), *capfd.readouterr())

    return run_here


@contextmanager
def _started(*arguments: str, data: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "turnlog.stack.command", *arguments],
        env={**os.environ, "TURNLOG_DATA": str(data)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_stack_is_fed_asked_followed_and_accounted_for(stack: StackFactory, tmp_path: Path) -> None:
    running = stack()
    topics = running.turnlog("topics", "list", "--check").stdout
    assert "chat.raw.calls" in topics
    assert running.turnlog("topics", "list", "--check", "--partitions", "5", check=False).returncode == 1
    assert "up to date" in running.turnlog("migrate").stdout
    assert "no producer" in running.turnlog("account", "--wait", "10").stdout

    chats = write_chats(tmp_path / "chats.jsonl", _CHATS)
    with chats.open("a", encoding="utf-8") as lines:
        lines.write("no chat\n")
    replayed = running.turnlog("replay", str(chats), "--repeat", "2", "--tenant", "t1", check=False)
    assert replayed.returncode == 1
    assert replayed.stderr.count(f"line {4 * _CHATS + 1}: not JSON") == 1
    assert f"sent {8 * _CHATS}, failed 0, dropped 0" in replayed.stdout

    account = json.loads(running.turnlog("account", "--json").stdout)
    (entry,) = account["entries"]
    assert account["balanced"]
    assert (entry["sent"], entry["stored"], entry["closed"]) == (8 * _CHATS + 1, 8 * _CHATS + 1, True)
    assert entry["producer_id"] in running.turnlog("account", "--producer", entry["producer_id"]).stdout

    counts = "SELECT count(), uniqExact(event_id), uniqExact(conversation_id) FROM calls WHERE tenant_id = {t:String}"
    told = running.turnlog("sql", counts, "--param", "t=t1", "--format", "CSV").stdout
    assert told.strip() == ",".join([str(8 * _CHATS)] * 3)
    assert running.turnlog("sql", "SELECT model FROM panes").stdout.startswith("model")

    by_hand = running.turnlog("tail", "--last", "100", "--max", str(8 * _CHATS), "--type", "call", "--json").stdout
    events = [json.loads(line) for line in by_hand.splitlines()]
    assert {event["record"]["redaction_rules"] is not None for event in events} == {True}
    assert len({event["record"]["event_id"] for event in events}) == 8 * _CHATS
    one = running.turnlog("tail", "--from-beginning", "--max", "1", "--conversation", "gpt-4o-2024-05-13-0003#2").stdout
    assert "gpt-4o-2024-05-13-0003#2" in one

    with _started("tail", "--type", "log", "--json", data=running.data) as tail:
        # Nothing tells when a tail has started to look; what comes after that is shown.
        def followed() -> str:
            running.turnlog("replay", str(chats), check=False)
            return _line(tail)

        assert json.loads(eventually(followed, timeout=120))["type"] == "log"
        tail.send_signal(signal.SIGINT)
        assert tail.wait(30) == 0


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 2)
    return process.stdout.readline() if ready else ""


def test_an_account_with_a_hole_names_it(clickhouse: str, database: str, run: Run) -> None:
    url = f"{clickhouse}/{database}"
    migrate(url)
    server = ClickHouse(url)
    producer = "01a20ac7-12cd-7553-938e-75edcb1555d8"
    for first, last in ((0, 16), (21, 41), (43, 50)):
        server.rows(
            "INSERT INTO logs (event_id, event_time, producer_id, sequence) "
            f"SELECT generateUUIDv4(), now64(6), '{producer}', number FROM numbers({first}, {last - first + 1})"
        )
    servers = {"TURNLOG_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}", "TURNLOG_CLICKHOUSE_URL": url}
    done = run("account", "--wait", "0", **servers)
    assert done.returncode == 1
    assert f"{producer}: nowhere are 17-20, 42" in done.stdout
    assert "unknown is what is still under way" in done.stdout
    entry = json.loads(run("account", "--json", "--wait", "0").stdout)["entries"][0]
    assert (entry["sent"], entry["stored"], entry["missing"]) == (51, 46, 5)
    assert entry["gaps"] == [[17, 20], [42, 42]]


def test_sql_prints_tables_and_any_format(clickhouse: str, run: Run) -> None:
    def sql(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run("sql", *arguments, TURNLOG_CLICKHOUSE_URL=f"{clickhouse}/default")

    assert sql("SELECT 1 AS a, 'x\ny' AS b").stdout.split() == ["a", "b", "1", "x", "y"]
    assert sql("SELECT 1 AS a FORMAT JSONEachRow").stdout == '{"a":1}\n'
    assert sql("SELECT 'x\ty' AS a", "--format", "TSV").stdout == "x\\ty\n"
    assert sql("SELECT number FROM numbers(20000)").stdout.count("\n") == 10_002
    refused = sql("SELEC 1")
    assert refused.returncode == 2
    assert refused.stderr.startswith("turnlog: ClickHouse says: Code: 62.")
    assert refused.stderr.count("\n") == 1
    assert len(refused.stderr) < 300
    late = sql("SELECT throwIf(number = 2000000) FROM numbers(3000000) SETTINGS max_block_size = 1000", "-f", "TSV")
    assert late.returncode == 2
    assert "Code: 395" in late.stderr
    assert "__exception__" not in late.stdout + late.stderr
    assert sql("").returncode == 2
    assert sql("SELECT 1", "--param", "x").returncode == 2


def test_a_query_tells_refusal_from_absence(clickhouse: str) -> None:
    assert ClickHouse(clickhouse + "/default").rows("SELECT 18446744073709551615 AS n").dicts() == [{"n": 2**64 - 1}]
    with pytest.raises(QueryError) as refused:
        ClickHouse(clickhouse + "/nowhere").rows("SELECT 1")
    assert refused.value.code == 81
    with pytest.raises(ServerAwayError, match="nothing listens there"):
        ClickHouse(f"http://127.0.0.1:{free_port()}").rows("SELECT 1")
    with pytest.raises(UserError):
        ClickHouse("127.0.0.1:8123")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["replay", "none.jsonl"], "there is no file none.jsonl"),
        (["replay", "-", "--repeat", "2"], "standard input can be read once"),
        (["sql", "SELECT 1"], "ClickHouse does not answer"),
        (["account"], "ClickHouse does not answer"),
        (["tail", "--type", "chat"], "there are call, step"),
        (["tail", "--from-beginning", "-n", "3"], "contradict each other"),
        (["schema", "show", "Modelcal"], "no record named"),
        (["schema", "show", "ModelCall", "--version", "99"], "no release 99"),
    ],
)
def test_mistakes_are_one_line(run: Run, arguments: list[str], complaint: str) -> None:
    port = free_port()
    servers = {
        "TURNLOG_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}",
        "TURNLOG_CLICKHOUSE_URL": f"http://127.0.0.1:{port}",
    }
    done = run(*arguments, **servers)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.startswith("turnlog: ")
    assert done.stderr.count("\n") == 1


def test_commands_of_a_folder_without_a_stack_say_how_to_start_one(tmp_path: Path, run: Run) -> None:
    for command in (["topics", "list"], ["migrate"], ["sql", "SELECT 1"], ["account"], ["tail"]):
        done = run(*command, TURNLOG_DATA=str(tmp_path / "none"))
        assert done.returncode == 2
        assert "turnlog up --data" in done.stderr


def test_schemas_are_listed_shown_and_checked(run: Run) -> None:
    def schema(*arguments: str) -> Any:
        return json.loads(run("schema", *arguments).stdout)

    records = schema("list", "--json")
    assert {"ModelCall", "LogRecord", "Pane"} <= {each["record"] for each in records}
    assert all("1" in each["releases"] for each in records)
    assert schema("show", "modelcall")["name"] == "ModelCall"
    assert schema("show", "ModelCall", "--version", "1")["name"] == "ModelCall"
    assert schema("check", "--json") == []
    assert "agree" in run("schema", "check").stdout


def test_the_demo_shows_its_tables_and_leaves_nothing_running(tmp_path: Path) -> None:
    ports = ("--kafka-port", str(free_port()), "--clickhouse-port", str(free_port()))
    done = turnlog("demo", "--seconds", "4", *ports, data=tmp_path / "stack")
    assert "shop-support: rolled back" in done.stdout
    assert "<CARD:" in done.stdout or "<IBAN:" in done.stdout or "<EMAIL:" in done.stdout
    assert "the account balances" in done.stdout
    assert "stopping the stack" in done.stdout
    assert turnlog("status", data=tmp_path / "stack", check=False).returncode == 1
