"""docker-compose.yml says what the rest of the project says."""

from __future__ import annotations

import re
from pathlib import Path

from turnlog.stack.kafka.settings import BrokerSettings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")

ELSEWHERE = {"listeners", "advertised.listeners", "listener.security.protocol.map", "log.dirs"}
"""What is about this machine's addresses and folders, which a container has of its own."""


def test_the_broker_is_set_as_on_one_machine() -> None:
    in_containers = {
        name.lower().replace("_", "."): value.strip('"')
        for name, value in re.findall(r"^ +KAFKA_(\w+): (.+)$", TEXT, flags=re.MULTILINE)
    }
    here = BrokerSettings(port=9092, controller_port=9093, log_folder=Path("/data")).properties()
    voters = here.pop("controller.quorum.voters").replace("127.0.0.1", "localhost")
    assert in_containers["controller.quorum.voters"] == voters
    for name, value in here.items():
        if name not in ELSEWHERE:
            assert in_containers[name] == value, name


def test_the_broker_is_of_the_same_version_as_on_one_machine() -> None:
    pom = (ROOT / "stack/turnlog/stack/kafka/pom.xml").read_text(encoding="utf-8")
    found = re.search(r"<artifactId>kafka_[\d.]+</artifactId>\s*<version>([\d.]+)</version>", pom)
    assert found is not None
    assert f"image: apache/kafka:{found[1]}\n" in TEXT


def test_images_are_pinned_and_ports_are_this_machines_alone() -> None:
    images = re.findall(r"^ +image: (\S+)$", TEXT, flags=re.MULTILINE)
    assert images
    assert all(re.search(r":(\d+\.\d+\.\d+[\w.-]*|local)$", image) for image in images), images
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert bases
    assert all(re.search(r":\d+\.\d+\.\d+", base) for base in bases), bases
    ports = re.findall(r'^ +- "([^"]+:\d+)"$', TEXT, flags=re.MULTILINE)
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports), ports
