"""Trace context from OpenTelemetry's active span, if there is one; and the scope in other threads."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry.sdk.trace import TracerProvider

from turnlog.producers.operations import otel
from workbench import Bench

tracer = TracerProvider().get_tracer("test")
INCOMING = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_events_join_the_active_trace(bench: Bench) -> None:
    with tracer.start_as_current_span("request") as span:
        context = span.get_span_context()
        with bench.client.call(provider="p", model="m") as call:
            bench.client.info("inside")
        bench.client.info("outside")
    call_event = bench.only("ModelCall")
    inside, outside = bench.events("LogRecord")
    span_id = f"{context.span_id:016x}"
    for event in (call_event, inside, outside):
        assert event["trace_id"] == f"{context.trace_id:032x}"
    assert call_event["parent_span_id"] == outside["parent_span_id"] == span_id
    assert inside["parent_span_id"] == call.span_id


def test_turns_join_it_and_spans_inside_of_them_are_parents(bench: Bench) -> None:
    client = bench.client
    with tracer.start_as_current_span("request") as request, client.conversation("c"), client.turn() as turn:
        assert turn.trace_id == f"{request.get_span_context().trace_id:032x}"
        client.start_call(provider="p", model="of the request").finish()
        with tracer.start_as_current_span("inner") as inner:
            client.start_call(provider="p", model="of the inner span").finish()
            assert client.traceparent() == f"00-{turn.trace_id}-{inner.get_span_context().span_id:016x}-01"
    first, second = bench.events("ModelCall")
    assert first["parent_span_id"] == f"{request.get_span_context().span_id:016x}"
    assert second["parent_span_id"] == f"{inner.get_span_context().span_id:016x}"


def test_a_turn_keeps_its_trace_when_a_foreign_one_starts_inside(bench: Bench) -> None:
    with bench.client.turn() as turn, bench.client.tool("search") as step, tracer.start_as_current_span("http"):
        bench.client.info("x")
    log = bench.only("LogRecord")
    assert (log["trace_id"], log["parent_span_id"]) == (turn.trace_id, step.span_id)


def test_a_header_goes_before_the_active_span(bench: Bench) -> None:
    with tracer.start_as_current_span("request"), bench.client.turn(traceparent=INCOMING):
        assert bench.client.traceparent() == INCOMING


def test_without_a_span_or_with_a_strange_one_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert otel.active_span() is None
    monkeypatch.setattr("opentelemetry.trace.get_current_span", lambda: 3)
    assert otel.active_span() is None
    monkeypatch.delitem(sys.modules, "opentelemetry.trace")
    assert otel.active_span() is None


def test_a_thread_pool_gets_the_scope_by_bind(bench: Bench) -> None:
    client = bench.client
    with ThreadPoolExecutor(2) as pool:
        with client.conversation("c"), client.turn("t"):
            bound = client.bind(client.info)
            both = [pool.submit(bound, "bound"), pool.submit(bound, "bound")]
            both.append(pool.submit(client.info, "not bound"))
        for each in both:
            each.result()
    logs = bench.events("LogRecord")
    where = sorted((str(each["body"]), each["conversation_id"], each["turn_id"]) for each in logs)
    assert where == [("bound", "c", "t"), ("bound", "c", "t"), ("not bound", None, None)]


def test_to_thread_carries_the_scope(bench: Bench) -> None:
    async def scenario() -> None:
        with bench.client.conversation("c"):
            await asyncio.to_thread(bench.client.info, "x")

    asyncio.run(scenario())
    assert bench.only("LogRecord")["conversation_id"] == "c"
