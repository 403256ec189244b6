import os
import threading
from pathlib import Path

import pytest

from turnlog.schemas import UserError
from turnlog.stack.kafka import BrokerSettings, render_properties
from turnlog.stack.kafka.jars import cache_folder, ensure_jars
from turnlog.stack.kafka.java import find_java, parse_version


def script(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def path_with(folder: Path) -> dict[str, str]:
    """An environment whose PATH has a folder of the test's own before what a shell script needs."""
    return {"PATH": f"{folder}{os.pathsep}/bin{os.pathsep}/usr/bin"}


FAKE_MAVEN = """
for argument; do case $argument in -DoutputDirectory=*) out=${argument#-DoutputDirectory=};; esac; done
echo run >> "$(dirname "$0")/runs"
mkdir -p "$out" && touch "$out/kafka_2.13.jar"
"""


def test_a_broker_listens_on_loopback_alone_and_needs_no_other() -> None:
    properties = BrokerSettings(port=9092, controller_port=9093, log_folder=Path("/data/log")).properties()
    assert properties["listeners"] == "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"
    assert properties["controller.quorum.voters"] == "1@127.0.0.1:9093"
    assert properties["auto.create.topics.enable"] == "false"
    assert properties["group.initial.rebalance.delay.ms"] == "0"
    assert {value for name, value in properties.items() if name.endswith("replication.factor")} == {"1"}
    assert int(properties["group.min.session.timeout.ms"]) <= 6000
    assert int(properties["message.max.bytes"]) == 8 * 1024 * 1024


def test_properties_are_written_as_java_reads_them() -> None:
    assert render_properties({"log.dirs": "/tmp/a b/ü\\c"}) == "log.dirs=/tmp/a b/\\u00fc\\\\c\n"


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_402"', 8),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", None),
    ],
)
def test_javas_tell_their_version(output: str, version: int | None) -> None:
    assert parse_version(output) == version


def test_java_home_wins_over_path(tmp_path: Path) -> None:
    ours = script(tmp_path / "home/bin/java", "echo 'openjdk version \"21\"' >&2")
    script(tmp_path / "bin/java", "echo 'openjdk version \"17\"' >&2")
    environ = path_with(tmp_path / "bin")
    assert find_java(environ) == tmp_path / "bin/java"
    assert find_java({**environ, "JAVA_HOME": str(tmp_path / "home")}) == ours


def test_no_java_an_old_one_and_a_broken_java_home_are_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none was found: install a JDK 17") as none:
        find_java({"PATH": str(tmp_path)})
    assert "\n" not in str(none.value)
    script(tmp_path / "java", "echo 'openjdk version \"11.0.2\"' >&2")
    with pytest.raises(UserError, match="is Java 11"):
        find_java(path_with(tmp_path))
    with pytest.raises(UserError, match="JAVA_HOME is /nowhere"):
        find_java({"PATH": str(tmp_path), "JAVA_HOME": "/nowhere"})
    script(tmp_path / "java", "echo no Java here")
    with pytest.raises(UserError, match="does not say its version"):
        find_java(path_with(tmp_path))


def test_jars_are_fetched_once_also_by_several_at_a_time(tmp_path: Path) -> None:
    script(tmp_path / "bin/mvn", FAKE_MAVEN)
    cache = tmp_path / "cache"
    (cache / "kafka-fetch-left-by-a-kill").mkdir(parents=True)
    threads = [threading.Thread(target=ensure_jars, args=(cache, path_with(tmp_path / "bin"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    folder = ensure_jars(cache, {"PATH": ""})  # they are there: no Maven is needed
    assert (folder / "kafka_2.13.jar").exists()
    assert (tmp_path / "bin/runs").read_text() == "run\n"
    assert sorted(each.name for each in cache.iterdir()) == [folder.name, "kafka.lock"]


def test_a_failed_fetch_leaves_nothing_and_says_why(tmp_path: Path) -> None:
    script(tmp_path / "mvn", "echo '[ERROR] Could not resolve org.apache.kafka'; exit 1")
    with pytest.raises(UserError, match="Maven could not fetch Kafka's jars: Could not resolve"):
        ensure_jars(tmp_path / "cache", path_with(tmp_path))
    assert [each.name for each in (tmp_path / "cache").iterdir()] == ["kafka.lock"]
    with pytest.raises(UserError, match="install Maven"):
        ensure_jars(tmp_path / "cache", {"PATH": ""})


def test_the_cache_can_be_elsewhere(tmp_path: Path) -> None:
    assert cache_folder({"TURNLOG_CACHE": str(tmp_path)}) == tmp_path
    assert cache_folder({}) == Path.home() / ".cache" / "turnlog"
