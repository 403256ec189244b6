"""Events know their conversation, turn and trace from the code around them."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from threading import Thread

import pytest

from turnlog.producers import TraceParent
from turnlog.schemas.headers import TRACEPARENT, get
from workbench import Bench

INCOMING = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_turn_is_a_trace_and_operations_nest(bench: Bench) -> None:
    client = bench.client
    with client.conversation("c-1", user_key="u-1", attributes={"a": 1}), client.turn("t-1") as turn:
        planner = client.step("agent", "planner")
        with planner as agent, client.call(provider="p", model="m", attributes={"b": 2}) as call:
            client.info("thinking")
            with client.step("tool", "search") as tool:
                pass
        client.score("thumbs", True)
    with client.conversation("c-1"), client.turn() as other:
        client.start_call(provider="p", model="m").finish()
    step_tool, model_call, step_agent, score = (
        bench.events("Step")[0],
        bench.events("ModelCall")[0],
        bench.events("Step")[1],
        bench.only("Score"),
    )
    log, second = bench.only("LogRecord"), bench.events("ModelCall")[1]
    for event in (step_tool, model_call, step_agent, score, log):
        assert (event["conversation_id"], event["turn_id"], event["user_key"]) == ("c-1", "t-1", "u-1")
        assert event["trace_id"] == turn.trace_id
    assert step_agent["parent_span_id"] is None
    assert model_call["parent_span_id"] == agent.span_id
    assert model_call["attributes"] == {"a": "1", "b": "2"}
    assert log["parent_span_id"] == call.span_id
    assert log["call_id"] == call.event_id
    assert step_tool["parent_span_id"] == call.span_id
    assert step_tool["call_id"] == call.event_id
    assert step_tool["parent_step_id"] == agent.event_id
    assert tool.trace_id == turn.trace_id
    assert second["trace_id"] == other.trace_id != turn.trace_id


def test_a_call_outside_of_everything_has_a_trace_of_its_own(bench: Bench) -> None:
    one = bench.client.start_call(provider="p", model="m")
    two = bench.client.start_call(provider="p", model="m")
    assert one.trace_id != two.trace_id
    assert bench.client.traceparent() is None


def test_trace_context_comes_in_and_goes_out(bench: Bench) -> None:
    client = bench.client
    with client.conversation("c-1"), client.turn(traceparent=INCOMING) as turn:
        assert client.traceparent() == INCOMING
        with client.call(provider="p", model="m") as call:
            assert client.traceparent() == call.traceparent == f"00-{turn.trace_id}-{call.span_id}-01"
    event = bench.only("ModelCall")
    assert event["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert event["parent_span_id"] == "b7ad6b7169203331"
    assert get(bench.recorded.recorded[0].message.headers, TRACEPARENT) == call.traceparent.encode()


@pytest.mark.parametrize(
    "header", [None, "", "nonsense", INCOMING.upper(), f"00-{'0' * 32}-{'1' * 16}-01", f"ff{INCOMING[2:]}", b"00", 3]
)
def test_a_bad_header_is_no_parent(header: object) -> None:
    assert TraceParent.parse(header) is None


def test_tasks_and_threads_with_a_context_inherit(bench: Bench) -> None:
    client = bench.client

    async def task(name: str) -> None:
        with client.turn(name):
            await asyncio.sleep(0)
            client.info(name)

    async def both() -> None:
        with client.conversation("c-async"):
            await asyncio.gather(task("a"), task("b"))

    asyncio.run(both())
    with client.conversation("c-thread"):
        thread = Thread(target=copy_context().run, args=(client.info, "t"))
        thread.start()
        thread.join()
    events = {str(each["body"]): each for each in bench.events("LogRecord")}
    assert [(events[name]["conversation_id"], events[name]["turn_id"]) for name in "ab"] == [
        ("c-async", "a"),
        ("c-async", "b"),
    ]
    assert events["t"]["conversation_id"] == "c-thread"


def test_a_block_left_in_another_context_does_no_harm(bench: Bench) -> None:
    block = bench.client.conversation("c-1")
    copy_context().run(block.__enter__)
    block.__exit__(None, None, None)
    bench.client.info("outside")
    assert bench.only("LogRecord")["conversation_id"] is None


def test_keys_keep_a_conversation_together(bench: Bench) -> None:
    with bench.client.conversation("c-1"):
        bench.client.info("a")
    call = bench.client.start_call(provider="p", model="m")
    call.finish()
    lonely = bench.client.info("b")
    bench.client.info("c", conversation_id="x" * 2000)
    bench.client.flush()
    keys = [each.message.key for each in bench.recorded.recorded]
    assert keys == [b"c-1", call.trace_id.encode(), lonely.encode(), b"x" * 512]
