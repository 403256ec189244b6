"""Fixtures for every test: real servers, started once when the first test asks, and corners of them for each test."""

import gc
import os
import signal
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from services import StackFactory, clickhouse_endpoint, kafka_broker
from turnlog.schemas import KafkaConnection

_SERVICES = {"kafka", "clickhouse", "stack"}

# No test is about time. A run that nobody watches always tries the same examples; at a desk they are new each time.
settings.register_profile(
    "turnlog", deadline=None, derandomize="CI" in os.environ, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("turnlog")

# A shell's background job ignores interrupts, and whatever it starts does: those that tests send must arrive.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

for _name in [name for name in os.environ if name.startswith("TURNLOG_") and name != "TURNLOG_CACHE"]:
    del os.environ[_name]  # the settings of whoever runs the tests are not theirs
os.environ.setdefault("TURNLOG_CACHE", str(Path(__file__).parents[1] / ".cache"))
# Brokers live for a minute here: what Java's second compiler would make of their code costs more than it ever saves.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs real servers: whatever asks for their fixtures."""
    for item in items:
        if _SERVICES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("services")


def pytest_collection_finish() -> None:
    """Take what all the modules brought along, which stays, out of the garbage collector's rounds."""
    gc.freeze()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap servers of a broker that all tests share; isolate a test by the fixture `prefix`."""
    with kafka_broker(tmp_path_factory.mktemp("kafka")) as bootstrap_servers:
        yield bootstrap_servers


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a ClickHouse endpoint that all tests share; isolate a test by the fixture `database`."""
    with clickhouse_endpoint(tmp_path_factory.mktemp("clickhouse")) as url:
        yield url


@pytest.fixture
def prefix() -> str:
    """A prefix for topics and groups that no other test has."""
    return f"t{uuid.uuid4().hex[:10]}."


@pytest.fixture
def connection(kafka: str, prefix: str) -> KafkaConnection:
    """The shared broker, with topics of the test's own."""
    return KafkaConnection(kafka, prefix)


@pytest.fixture
def database(clickhouse: str) -> Iterator[str]:
    """An empty database of the test's own, dropped afterwards."""
    name = f"t{uuid.uuid4().hex[:10]}"
    _execute(clickhouse, f"CREATE DATABASE {name}")
    yield name
    _execute(clickhouse, f"DROP DATABASE IF EXISTS {name} SYNC")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[StackFactory]:
    """Call it to start a whole stack on free ports; it is stopped when the test ends, however it ends."""
    factory = StackFactory(tmp_path)
    try:
        yield factory
    finally:
        factory.stop_all()


def _execute(url: str, statement: str) -> None:
    with urllib.request.urlopen(url, data=statement.encode(), timeout=60) as answer:
        answer.read()
