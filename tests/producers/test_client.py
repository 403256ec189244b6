"""The client's settings, its public door, its life across forks and at the end of a process."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import turnlog.producers
from turnlog.producers import Client, KafkaConnection, Limits, SettingError
from turnlog.producers.testing import recording_client


def test_the_public_door() -> None:
    assert len(set(turnlog.producers.__all__)) == len(turnlog.producers.__all__)
    for name in turnlog.producers.__all__:
        assert hasattr(turnlog.producers, name)
    assert (Path(turnlog.producers.__file__).parent / "py.typed").is_file()


def test_importing_brings_in_nothing_heavy() -> None:
    code = (
        "import sys, turnlog.producers; print([name for name in ('confluent_kafka', 'asyncio') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"service": ""}, "service must be a text"),
        ({"tenant": 3}, "tenant must be a text"),
        ({"environment": " "}, "environment must be a text"),
        ({"connection": KafkaConnection(options={"no.such.setting": "1"})}, "No such configuration property"),
        ({"connection": KafkaConnection(options={"linger.ms": "soon"})}, "Invalid value"),
    ],
)
def test_a_wrong_setting_is_named_at_once(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        Client(**{"service": "bot"} | wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"queue_events": 0},
        {"queue_events": True},
        {"linger": float("nan")},
        {"linger": "1"},
        {"record_bytes": 2**30},
        {"queue_bytes": 10},
        {"linger": 400.0},
    ],
)
def test_limits_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match="limit"):
        Limits(**wrong)


def test_settings_come_from_the_environment() -> None:
    environ = {
        "TURNLOG_SERVICE": "bot",
        "TURNLOG_TENANT": "acme",
        "TURNLOG_ENVIRONMENT": "staging",
        "TURNLOG_SERVICE_VERSION": "1.2",
        "TURNLOG_SERVICE_INSTANCE": "pod-1",
        "TURNLOG_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "TURNLOG_KAFKA_CLIENT_ID": "mine",
    }
    fixed = Client.from_env(environ)._pipe._fixed
    assert fixed["service_name"] == "bot"
    assert fixed["tenant_id"] == "acme"
    assert fixed["environment"] == "staging"
    assert fixed["service_version"] == "1.2"
    assert fixed["service_instance_id"] == "pod-1"
    with pytest.raises(SettingError, match="TURNLOG_SERVICE must name"):
        Client.from_env({})


def test_a_block_closes() -> None:
    client, recorded = recording_client()
    with client:
        client.info("x")
    assert [each.event["event_name"] for each in recorded.recorded] == [None, turnlog.producers.REPORT_NAME]


def run(code: str) -> str:
    """Run a program of its own; forking here would fork the test run."""
    return subprocess.check_output([sys.executable, "-W", "error", "-c", textwrap.dedent(code)], text=True, timeout=120)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_a_life_of_its_own() -> None:
    out = run(
        """
        import os, sys
        from turnlog.producers.testing import recording_client
        client, recorded = recording_client()
        client.info("parent")
        client.flush()
        before = client.producer_id
        child = os.fork()
        client.info("after")
        if child:
            os.waitpid(child, 0)
        client.flush()
        bodies = [(each["body"], each["sequence"]) for each in recorded.events()]
        same = client.producer_id == before
        sys.stdout.write(f"{'parent' if child else 'child'} {bodies} {same} {client.close()}\\n")
        """
    )
    child, parent = sorted(out.splitlines())
    counts = "failed=0, dropped=0, pending=0, spooled=0, reasons={}"
    assert child == f"child [('after', 0)] False Result(sent=1, {counts})"
    assert parent == f"parent [('parent', 0), ('after', 1)] True Result(sent=2, {counts})"


def test_the_end_of_a_process_delivers() -> None:
    out = run(
        """
        from turnlog.producers import Client
        from turnlog.producers.testing import RecordingTransport
        class Printing(RecordingTransport):
            def close(self):
                print([each.event["body"] for each in self.recorded])
        client = Client("bot", connect=lambda trouble: Printing())
        client.info("last words")
        """
    )
    assert out.startswith("['last words', '2 events numbered")


def test_the_end_of_a_multiprocessing_child_delivers() -> None:
    out = run(
        """
        import multiprocessing
        from turnlog.producers import Client
        from turnlog.producers.testing import RecordingTransport
        class Printing(RecordingTransport):
            def close(self):
                print([each["body"] for each in self.events()], flush=True)
        client = Client("bot", connect=lambda trouble: Printing())
        child = multiprocessing.get_context("fork").Process(target=client.info, args=("from the child",))
        child.start()
        child.join()
        """
    )
    assert out.strip() == "['from the child']"
