"""What chatbot authors get for their own tests."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from turnlog.producers import Client
from turnlog.producers.testing import Recorder


def chatbot(client: Client, question: str) -> str:
    with client.conversation("c-1"), client.turn(), client.call(provider="p", model="m", input=question) as call:
        client.info("thinking")
        with client.retrieval("faq", input=question) as step:
            step.finish("found")
        call.finish(output="Good morning.")
    client.score("thumbs", True, target=call)
    return "Good morning."


def test_everything_is_at_hand() -> None:
    with Recorder("bot", tenant="acme") as recorder:
        chatbot(recorder.client, "hello")
        assert recorder.call["status"] == "ok"
        assert recorder.call["tenant_id"] == "acme"
        assert (recorder.call.input_text, recorder.call.output_text) == ("hello", "Good morning.")
        assert recorder.last_call == recorder.calls[0]
        assert [each["name"] for each in recorder.steps] == ["faq"]
        assert (recorder.steps[0].input_text, recorder.steps[0].output_text) == ("hello", "found")
        assert [each["body"] for each in recorder.logs] == ["thinking"]
        assert recorder.scores[0]["target_event_id"] == recorder.call["event_id"]
        assert len(recorder.conversation("c-1")) == len(recorder.events) == 4
        recorder.clear()
        assert recorder.events == []
        with pytest.raises(AssertionError, match="0 calls were recorded, not one"):
            _ = recorder.call
        with pytest.raises(AssertionError, match="no call"):
            _ = recorder.last_call


def test_asynchronous_tests_see_it_at_once() -> None:
    async def scenario() -> None:
        with Recorder() as recorder:
            async with recorder.client.call(provider="p", model="m"):
                await asyncio.sleep(0)
            assert recorder.call["status"] == "ok"

    asyncio.run(scenario())


def test_what_is_never_ended_fails_whether_it_is_held_or_not() -> None:
    recorder = Recorder()
    held = recorder.client.start_call(provider="p", model="m")
    recorder.client.start_step("tool", "search")
    assert recorder.unended == [held]
    with pytest.raises(AssertionError, match=r"never ended: Call .*, Step "), recorder:
        pass
    held.finish()


def test_what_is_dropped_fails() -> None:
    with pytest.raises(AssertionError, match=r"events were dropped: \{'invalid': 1\}"), Recorder() as recorder:
        recorder.client.model_version("m", provider="p", name="n", prices={"input_token": "free"})


def test_a_failing_test_keeps_its_own_failure() -> None:
    recorder = Recorder()
    recorder.client.start_call(provider="p", model="m")
    with pytest.raises(LookupError), recorder:
        raise LookupError


def test_the_fixtures(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["turnlog.producers.pytest_plugin"]\n')
    (tmp_path / "test_bot.py").write_text(
        textwrap.dedent("""
            def test_good(turnlog_client, turnlog_recorder):
                turnlog_client.info("hello")
                assert turnlog_recorder.logs[0]["body"] == "hello"


            def test_forgets_to_end(turnlog_client):
                call = turnlog_client.start_call(provider="p", model="m")
                test_forgets_to_end.call = call
        """)
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path), "--rootdir", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed, 1 error" in done.stdout
    assert "started and never ended: Call" in done.stdout
