import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from turnlog.schemas import SettingError, UserError
from turnlog.stack.ports import free_port
from turnlog.stack.supervisor import StackOptions
from turnlog.stack.supervisor.preflight import check_disk, check_ports


def test_free_ports_pass() -> None:
    check_ports({"--kafka-port": free_port(), "--clickhouse-port": free_port()})


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_port_in_use_is_named_with_its_option(address: str) -> None:
    with socket.socket() as other:
        other.bind((address, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=rf"port {port} is in use.*--kafka-port"):
            check_ports({"--kafka-port": port})


def test_one_port_cannot_serve_two() -> None:
    with pytest.raises(SettingError, match="different ports"):
        check_ports({"--kafka-port": 1234, "--clickhouse-port": 1234})


def test_a_full_disk_is_refused(tmp_path: Path) -> None:
    check_disk(tmp_path, free_bytes=1024**3)
    with pytest.raises(UserError, match="only 1023 MiB are free"):
        check_disk(tmp_path, free_bytes=1024**3 - 1)


@pytest.mark.parametrize("wrong", [{"workers": -1}, {"sinks": -1}, {"kafka_port": 0}, {"clickhouse_port": 65536}])
def test_options_that_cannot_be_are_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match="must"):
        replace(StackOptions(data=tmp_path), **wrong)
