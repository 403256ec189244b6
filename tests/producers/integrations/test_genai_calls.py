"""Spans of calls, in all conventions, become the same records. What is mapped are plain values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from genai_spans import (
    ASKED,
    BARE,
    CALLED,
    CURRENT,
    OPENINFERENCE,
    PARENT,
    SPAN,
    TRACE,
    TRACELOOP,
    event,
    one,
    span,
)
from turnlog.producers.integrations.genai import DETAILS, Happening, write
from turnlog.producers.integrations.genai.records import call_of_event, identity
from turnlog.schemas import Datum
from workbench import START_US, Bench

FIRST = {
    "current": (),
    "traceloop": (event("llm.content.completion.chunk", after=0.5), event("llm.content.completion.chunk", after=0.25)),
    "openinference": (event("First Token Stream Event", after=0.25),),
}


@pytest.mark.parametrize(
    ("convention", "attributes"),
    [("current", CURRENT), ("traceloop", TRACELOOP), ("openinference", OPENINFERENCE)],
)
def test_a_call_in_every_convention(bench: Bench, convention: str, attributes: dict[str, Any]) -> None:
    call = one(bench, span(attributes, events=FIRST[convention], origin="some.instrumentation"))
    expected = {
        "event_id": identity(TRACE, SPAN),
        "trace_id": TRACE,
        "span_id": SPAN,
        "parent_span_id": PARENT,
        "conversation_id": "c-1",
        "start_time": START_US,
        "duration_us": 2_500_000,
        "event_time": START_US + 2_500_000,
        "time_to_first_chunk_us": 250_000,
        "provider_name": "openai",
        "operation_name": "chat",
        "request_model": "gpt-4o",
        "response_model": "gpt-4o-2024-08-06",
        "response_id": "chatcmpl-1",
        "status": "ok",
        "finish_reasons": ["tool_calls"],
        "request_temperature": 0.3,
        "request_max_tokens": 100,
        "request_stop_sequences": ["\n"],
        "request_seed": 7,
        "usage_input_tokens": 14,
        "usage_output_tokens": 6,
        "usage_cache_read_input_tokens": 4,
        "usage_cache_creation_input_tokens": 2,
        "usage_reasoning_output_tokens": 3,
        "usage": {},
        "agent_name": "clerk",
        "prompt_name": "greeting",
        "prompt_version": "3",
    }
    assert {name: call[name] for name in expected} == expected
    assert call["attributes"] == {"server.address": "api.example", "otel.scope.name": "some.instrumentation"}
    assert parts(call["input_messages"]) == parts(json.dumps(ASKED))
    assert parts(call["output_messages"]) == parts(json.dumps(CALLED))
    assert "find_parcel" in call["tool_definitions"]


def parts(messages: str | None) -> list[Any]:
    """Return roles and parts, so that the order of keys and additional ones do not matter."""
    return [(each["role"], each["parts"], each.get("finish_reason")) for each in json.loads(messages or "[]")]


def answer(bench: Bench, attributes: dict[str, Any], *events: Happening, said: tuple[Happening, ...] = ()) -> list[Any]:
    call = one(bench, span(attributes, events=events), *said)
    return [each["parts"][0]["content"] for each in (*load(call, "input_messages"), *load(call, "output_messages"))]


def load(event: Datum, name: str) -> list[Any]:
    return json.loads(event[name] or "[]")  # type: ignore[no-any-return] # as written


@pytest.mark.parametrize("place", ["span events", "log records"])
def test_messages_in_events_of_their_own(bench: Bench, place: str) -> None:
    if place == "log records":
        events = [
            event("gen_ai.system.message", body={"content": "be nice"}),
            event("gen_ai.user.message", body={"content": "hello"}),
            event("gen_ai.choice", body={"index": 1, "finish_reason": "stop", "message": {"content": "two"}}, after=1),
            event("gen_ai.choice", body={"index": 0, "finish_reason": "stop", "message": {"content": "one"}}, after=1),
        ]
        assert answer(bench, BARE, said=tuple(events)) == ["be nice", "hello", "one", "two"]
    else:
        events = [
            event("gen_ai.system.message", {"content": "be nice"}),
            event("gen_ai.user.message", {"gen_ai.event.content": '{"content": "hello"}'}),
            event("gen_ai.choice", {"index": 0, "message": '{"content": "one"}', "finish_reason": "stop"}),
        ]
        assert answer(bench, BARE, *events) == ["be nice", "hello", "one"]
    call = bench.only("ModelCall")
    assert set(call["finish_reasons"]) == {"stop"}
    assert [each["role"] for each in load(call, "input_messages")] == ["system", "user"]


def test_tool_messages_in_events(bench: Bench) -> None:
    called = {"tool_calls": [{"id": "call_1", "function": {"name": "find_parcel", "arguments": "{}"}}]}
    call = one(
        bench,
        span(BARE),
        event("gen_ai.assistant.message", body=called),
        event("gen_ai.tool.message", body={"id": "call_1", "content": "in Bonn"}),
        event("gen_ai.choice", body={"index": 0, "finish_reason": "tool_calls", "message": called}),
    )
    assistant, tool = load(call, "input_messages")
    assert assistant["parts"] == [{"id": "call_1", "name": "find_parcel", "arguments": "{}", "type": "tool_call"}]
    assert tool == {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "id": "call_1", "response": "in Bonn"}],
    }
    (choice,) = load(call, "output_messages")
    assert choice["parts"][0]["name"] == "find_parcel"


def test_the_event_with_all_details(bench: Bench) -> None:
    details = {"gen_ai.input.messages": ASKED, "gen_ai.output.messages": CALLED, "gen_ai.usage.input_tokens": 14}
    call = one(
        bench, span(BARE), event(DETAILS, details | {"gen_ai.system_instructions": [{"type": "text", "content": "x"}]})
    )
    assert parts(call["output_messages"]) == parts(json.dumps(CALLED))
    assert load(call, "system_instructions") == [{"type": "text", "content": "x"}]
    assert call["usage_input_tokens"] == 14


def test_details_without_a_span_are_a_call(bench: Bench) -> None:
    happening = event(DETAILS, CURRENT)
    write(bench.client, call_of_event(happening))
    write(bench.client, call_of_event(happening._replace(trace_id=None, span_id=None)))
    first, second = bench.events("ModelCall")
    assert (first["event_id"], first["span_id"]) == (identity(TRACE, SPAN), SPAN)
    assert second["event_id"] != first["event_id"]
    assert (first["request_model"], first["event_time"]) == ("gpt-4o", START_US)


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        (BARE | {"gen_ai.prompt": "hello", "gen_ai.completion": "one"}, ["hello", "one"]),
        (BARE | {"gen_ai.prompt": '[{"role": "user", "content": "hello"}]'}, ["hello"]),
        (BARE | {"llm.prompts.0.role": "user", "llm.prompts.0.content": "hello"}, ["hello"]),
        (BARE | {"llm.prompts.0.prompt.text": "hello", "llm.choices.0.completion.text": "one"}, ["hello", "one"]),
        (BARE | {"input.value": "hello", "output.value": "one"}, ["hello", "one"]),
        (
            BARE
            | {
                "input.value": '{"messages": [{"role": "user", "content": "hello"}]}',
                "output.value": '{"choices": [{"message": {"role": "assistant", "content": "one"}}]}',
            },
            ["hello", "one"],
        ),
        (
            BARE
            | {
                "events": '[{"event.name": "gen_ai.user.message", "content": "hello", "role": "user"},'
                '{"event.name": "gen_ai.choice", "index": 0, "message": {"role": "assistant", "content": "one"}}]'
            },
            ["hello", "one"],
        ),
        (BARE | {"gen_ai.input.messages": '[{"role": "user", "parts": [{"con'}, ['[{"role": "user", "parts": [{"con']),
    ],
)
def test_older_ways_to_say_it(bench: Bench, attributes: dict[str, Any], said: list[str]) -> None:
    assert answer(bench, attributes) == said


def test_the_oldest_events(bench: Bench) -> None:
    events = (
        event("gen_ai.content.prompt", {"gen_ai.prompt": '[{"role": "user", "content": "hello"}]'}),
        event("gen_ai.content.completion", {"gen_ai.completion": '[{"role": "assistant", "content": "one"}]'}),
    )
    assert answer(bench, BARE, *events) == ["hello", "one"]


@pytest.mark.parametrize(
    ("attributes", "operation"),
    [
        ({"gen_ai.operation.name": "generate_content"}, "generate_content"),
        ({"gen_ai.operation.name": "text_completion"}, "text_completion"),
        ({"gen_ai.operation.name": "respond", "gen_ai.request.model": "m"}, "respond"),
        ({"llm.request.type": "completion"}, "text_completion"),
        ({"traceloop.span.kind": "llm"}, "chat"),
        ({"langfuse.observation.type": "generation"}, "chat"),
        ({"llm.vendor": "openai", "llm.request.model": "gpt-4"}, "chat"),
    ],
)
def test_calls(bench: Bench, attributes: dict[str, Any], operation: str) -> None:
    assert one(bench, span(attributes))["operation_name"] == operation
