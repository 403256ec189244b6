from pathlib import Path

import pytest

from stack.test_state import STATE
from turnlog.schemas import UserError
from turnlog.stack.servers import Servers, resolve

KAFKA = "TURNLOG_KAFKA_BOOTSTRAP_SERVERS"
CLICKHOUSE = "TURNLOG_CLICKHOUSE_URL"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with a stack in it."""
    folder = tmp_path / "data"
    folder.mkdir()
    STATE.model_copy(update={"topic_prefix": "p."}).write(folder / "stack.json")
    return folder


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_anything_it_is_this_machine() -> None:
    assert resolve(None, {}) == Servers("127.0.0.1:9092", "http://127.0.0.1:8123", "chat.", None)


def test_a_data_directory_names_its_stack(data: Path) -> None:
    expected = Servers("127.0.0.1:1", "http://127.0.0.1:2", "p.", data)
    assert resolve(data, {}) == expected
    assert resolve(None, {"TURNLOG_DATA": str(data)}) == expected


def test_a_stack_in_the_current_folder_is_found(data: Path, tmp_path: Path) -> None:
    data.rename(tmp_path / ".turnlog")
    assert resolve(None, {}).kafka == "127.0.0.1:1"


def test_the_option_wins_over_the_variable(data: Path, tmp_path: Path) -> None:
    assert resolve(data, {"TURNLOG_DATA": str(tmp_path / "other")}).data == data


def test_named_servers_win_each_for_itself(data: Path) -> None:
    assert resolve(data, {KAFKA: "far:1"}) == Servers("far:1", "http://127.0.0.1:2", "p.", data)
    assert resolve(data, {CLICKHOUSE: "http://far:2"}).clickhouse == "http://far:2"
    assert resolve(data, {"TURNLOG_TOPIC_PREFIX": ""}).topic_prefix == ""


def test_a_named_directory_without_a_stack_is_an_error_unless_servers_are_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    with pytest.raises(UserError, match=r"no stack runs in .*empty: start one by `turnlog up --data"):
        resolve(empty, {})
    assert resolve(empty, {KAFKA: "far:1", CLICKHOUSE: "http://far:2"}).kafka == "far:1"


def test_other_processes_are_led_to_the_same_servers() -> None:
    servers = Servers("far:1", "http://far:2", "p.")
    assert resolve(None, servers.environment()) == servers
    assert servers.kafka_connection({"TURNLOG_KAFKA_CLIENT_ID": "me"}).librdkafka() == {
        "bootstrap.servers": "far:1",
        "client.id": "me",
    }
