"""How calls end in tasks: well, cancelled, or by a timeout around or inside of them."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading

import pytest

from support import eventually
from turnlog.producers import Client
from turnlog.producers.testing import recording_client
from workbench import Bench


def statuses(bench: Bench) -> list[object]:
    return [each["status"] for each in bench.events("ModelCall")]


async def forever(client: Client) -> None:
    async with client.call(provider="p", model="m") as call:
        call.chunk("half")
        await asyncio.Event().wait()


@pytest.mark.parametrize("at_once", [True, False])
def test_a_timeout_around_a_call_is_a_timeout(bench: Bench, at_once: bool) -> None:
    async def scenario() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await forever(bench.client)
        if at_once:
            assert statuses(bench) == ["timeout"]

    asyncio.run(scenario())
    event = bench.only("ModelCall")
    assert (event["status"], event["error_type"]) == ("timeout", "TimeoutError")
    assert '"half"' in str(event["output_messages"])


def test_a_timeout_inside_a_call_is_a_timeout(bench: Bench) -> None:
    async def scenario() -> None:
        async with bench.client.call(provider="p", model="m"), asyncio.timeout(0.01):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        asyncio.run(scenario())
    assert statuses(bench) == ["timeout"]


def test_a_cancelled_task_is_cancelled(bench: Bench) -> None:
    async def scenario() -> None:
        task = asyncio.create_task(forever(bench.client))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    assert statuses(bench) == ["cancelled"]


def test_a_task_that_the_end_of_the_loop_cancels_is_recorded(bench: Bench) -> None:
    async def scenario() -> asyncio.Task[None]:
        task = asyncio.create_task(forever(bench.client))
        await asyncio.sleep(0)
        return task

    assert asyncio.run(scenario()).cancelled()
    assert statuses(bench) == ["cancelled"]


def test_a_flush_does_not_wait_for_the_verdict(bench: Bench) -> None:
    async def scenario() -> list[object]:
        async def cancelled() -> None:
            try:
                await forever(bench.client)
            finally:
                seen.extend(statuses(bench))

        task = asyncio.create_task(cancelled())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return statuses(bench)

    seen: list[object] = []
    assert asyncio.run(scenario()) == ["cancelled"]
    assert seen == ["cancelled"]


def test_conversations_turns_and_steps_are_asynchronous_blocks_too(bench: Bench) -> None:
    async def scenario() -> None:
        async with bench.client.conversation("c"), bench.client.turn("t"), bench.client.tool("search") as step:
            step.finish(output=[1])

    asyncio.run(scenario())
    step = bench.only("Step")
    assert (step["conversation_id"], step["turn_id"], step["output"]) == ("c", "t", "[1]")


def test_updates_add_up_and_end_with_the_call(bench: Bench) -> None:
    client = bench.client
    with client.call(provider="p", model="m") as call:
        call.update("an answer", response_model="m-1", attributes={"a": 1})
        with client.retrieval("faq"):
            client.update_call(usage={"output_tokens": 3}, attributes={"b": 2})
            client.update_step(documents=[{"id": "d"}])
    call.update(response_model="too late")
    client.update_call(response_model="nowhere")
    client.update_step(output="nowhere")
    event = bench.only("ModelCall")
    assert (event["response_model"], event["usage_output_tokens"]) == ("m-1", 3)
    assert "an answer" in str(event["output_messages"])
    assert event["attributes"] == {"a": "1", "b": "2"}
    documents = bench.only("Step")["documents"]
    assert isinstance(documents, list)
    assert documents[0]["id"] == "d"


def test_a_scope_does_not_keep_a_call_alive(bench: Bench) -> None:
    async def scenario() -> None:
        release = asyncio.Event()

        async def outlives() -> None:
            await release.wait()
            bench.client.update_call(response_model="too late")

        with bench.client.call(provider="p", model="m"):
            task = asyncio.create_task(outlives())
            await asyncio.sleep(0)
        release.set()
        await task

    asyncio.run(scenario())
    assert bench.only("ModelCall")["response_model"] is None


def test_a_signal_in_the_middle_of_logging_may_log() -> None:
    client, recorded = recording_client()
    handled: list[str] = []

    def handler(number: int, frame: object) -> None:
        handled.append(client.info("from the handler"))

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        while len(handled) < 50:
            client.info("from the program")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert client.close(60).complete
    sequences = [int(str(each.event["sequence"])) for each in recorded.recorded]
    assert sequences == sorted(sequences)
    assert len(set(sequences)) == len(sequences)


def test_a_finaliser_in_the_middle_of_logging_may_log() -> None:
    client, recorded = recording_client()

    class Knot:
        """Reachable from itself alone, so that the collector finds it, wherever that happens to run."""

        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            finalised.append(client.info("from a finaliser"))

    finalised: list[str] = []

    threshold = gc.get_threshold()
    gc.set_threshold(3)
    done = threading.Event()
    try:

        def work() -> None:
            for _ in range(300):
                Knot()
                client.info("x")
            done.set()

        threading.Thread(target=work, daemon=True).start()
        assert done.wait(60)
    finally:
        gc.set_threshold(*threshold)
    # Another thread may be collecting just now: then this one collects nothing.
    eventually(lambda: gc.collect() is not None and len(finalised) == 300)
    assert client.close(60).sent == 600
    assert [each["sequence"] for each in recorded.events()] == list(range(600))
