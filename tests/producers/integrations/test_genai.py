"""Spans of all conventions become the same records. Needs no OpenTelemetry: what is mapped are plain values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnlog.producers.integrations.genai import DETAILS, EVALUATION, Happening, Span, line_of, records_of, write
from turnlog.producers.integrations.genai.content import is_content
from turnlog.producers.integrations.genai.records import call_of_event, identity, score_of
from turnlog.producers.integrations.lines import write as write_line
from turnlog.producers.testing import recording_client
from turnlog.schemas import Datum
from workbench import START_US, Bench

TRACE, SPAN, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"

ARGUMENTS = {"number": "p-9"}
ASKED = [
    {"role": "system", "parts": [{"type": "text", "content": "be nice"}]},
    {"role": "user", "parts": [{"type": "text", "content": "where is p-9?"}]},
]
CALLED = [
    {
        "role": "assistant",
        "parts": [{"type": "tool_call", "id": "call_1", "name": "find_parcel", "arguments": ARGUMENTS}],
        "finish_reason": "tool_calls",
    }
]
TOOL = {"type": "function", "function": {"name": "find_parcel", "parameters": {}}}


def span(attributes: dict[str, Any], name: str = "chat gpt-4o", **more: Any) -> Span:
    return Span(name, TRACE, SPAN, PARENT, START_US, START_US + 2_500_000, attributes, **more)


def event(name: str, attributes: dict[str, Any] | None = None, body: Any = None, after: float = 0.0) -> Happening:
    return Happening(name, START_US + round(after * 1e6), attributes or {}, body, TRACE, SPAN)


def recorded(bench: Bench, given: Span, *said: Happening, every: bool = False) -> list[Datum]:
    for record in records_of(given, said, every=every):
        write(bench.client, record)
    return bench.events()


def one(bench: Bench, given: Span, *said: Happening) -> Datum:
    (record,) = recorded(bench, given, *said)
    return record


CURRENT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.request.temperature": 0.3,
    "gen_ai.request.max_tokens": 100,
    "gen_ai.request.stop_sequences": ("\n",),
    "gen_ai.request.seed": 7,
    "gen_ai.conversation.id": "c-1",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.response.finish_reasons": ("tool_calls",),
    "gen_ai.response.time_to_first_chunk": 0.25,
    "gen_ai.usage.input_tokens": 14,
    "gen_ai.usage.output_tokens": 6,
    "gen_ai.usage.cache_read.input_tokens": 4,
    "gen_ai.usage.cache_creation.input_tokens": 2,
    "gen_ai.usage.reasoning.output_tokens": 3,
    "gen_ai.input.messages": json.dumps(ASKED),
    "gen_ai.output.messages": json.dumps(CALLED),
    "gen_ai.tool.definitions": json.dumps([TOOL]),
    "gen_ai.agent.name": "clerk",
    "gen_ai.prompt.name": "greeting",
    "gen_ai.prompt.version": "3",
    "server.address": "api.example",
}

TRACELOOP = {
    "gen_ai.system": "OpenAI",
    "llm.request.type": "chat",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.request.temperature": 0.3,
    "gen_ai.request.max_tokens": 100,
    "llm.chat.stop_sequences": ("\n",),
    "gen_ai.openai.request.seed": 7,
    "traceloop.association.properties.session_id": "c-1",
    "traceloop.prompt.key": "greeting",
    "traceloop.prompt.version": 3,
    "gen_ai.agent.name": "clerk",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.usage.prompt_tokens": 14,
    "gen_ai.usage.completion_tokens": 6,
    "llm.usage.total_tokens": 20,
    "gen_ai.usage.cache_read_input_tokens": 4,
    "gen_ai.usage.cache_creation_input_tokens": 2,
    "gen_ai.usage.reasoning_tokens": 3,
    "gen_ai.prompt.0.role": "system",
    "gen_ai.prompt.0.content": "be nice",
    "gen_ai.prompt.1.role": "user",
    "gen_ai.prompt.1.content": '[{"type": "text", "text": "where is p-9?"}]',
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.finish_reason": "tool_calls",
    "gen_ai.completion.0.tool_calls.0.id": "call_1",
    "gen_ai.completion.0.tool_calls.0.name": "find_parcel",
    "gen_ai.completion.0.tool_calls.0.arguments": json.dumps(ARGUMENTS),
    "llm.request.functions.0.name": "find_parcel",
    "llm.request.functions.0.parameters": "{}",
    "server.address": "api.example",
}

OPENINFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.system": "openai",
    "llm.invocation_parameters": json.dumps(
        {"model": "gpt-4o", "temperature": 0.3, "max_completion_tokens": 100, "stop": ["\n"], "seed": 7}
    ),
    "llm.model_name": "gpt-4o-2024-08-06",
    "llm.response.id": "chatcmpl-1",
    "llm.finish_reason": "tool_calls",
    "session.id": "c-1",
    "agent.name": "clerk",
    "llm.prompt_template.version": "3",
    "langfuse.observation.prompt.name": "greeting",
    "llm.token_count.prompt": 14,
    "llm.token_count.completion": 6,
    "llm.token_count.total": 20,
    "llm.token_count.prompt_details.cache_read": 4,
    "llm.token_count.prompt_details.cache_write": 2,
    "llm.token_count.completion_details.reasoning": 3,
    "llm.input_messages.0.message.role": "system",
    "llm.input_messages.0.message.content": "be nice",
    "llm.input_messages.1.message.role": "user",
    "llm.input_messages.1.message.contents.0.message_content.type": "text",
    "llm.input_messages.1.message.contents.0.message_content.text": "where is p-9?",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.tool_calls.0.tool_call.id": "call_1",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "find_parcel",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": json.dumps(ARGUMENTS),
    "llm.tools.0.tool.json_schema": json.dumps(TOOL),
    "input.value": '{"messages": []}',
    "output.value": "{}",
    "server.address": "api.example",
}

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


BARE = {"gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o"}


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
    ("attributes", "kind", "name"),
    [
        ({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "find"}, "tool", "find"),
        ({"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "clerk"}, "agent", "clerk"),
        ({"gen_ai.operation.name": "create_agent"}, "agent", "a span"),
        ({"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": "w"}, "chain", "w"),
        ({"gen_ai.operation.name": "retrieval", "gen_ai.data_source.id": "faq"}, "retrieval", "faq"),
        ({"gen_ai.operation.name": "embeddings", "gen_ai.request.model": "e-3"}, "embedding", "e-3"),
        ({"gen_ai.operation.name": "fetch_response", "gen_ai.request.model": "gpt-4o"}, "other", "a span"),
        ({"gen_ai.operation.name": "forget_everything"}, "other", "a span"),
        ({"gen_ai.tool.name": "find"}, "tool", "find"),
        ({"openinference.span.kind": "RETRIEVER"}, "retrieval", "a span"),
        ({"openinference.span.kind": "RERANKER", "reranker.model_name": "r"}, "rerank", "r"),
        ({"openinference.span.kind": "TOOL", "tool.name": "find"}, "tool", "find"),
        ({"openinference.span.kind": "GUARDRAIL"}, "guardrail", "a span"),
        ({"openinference.span.kind": "CHAIN"}, "chain", "a span"),
        ({"openinference.span.kind": "SOMETHING NEW"}, "other", "a span"),
        ({"traceloop.span.kind": "workflow", "traceloop.entity.name": "answer"}, "chain", "answer"),
        ({"traceloop.span.kind": "tool", "traceloop.entity.name": "find"}, "tool", "find"),
        ({"llm.request.type": "rerank", "gen_ai.request.model": "r"}, "rerank", "r"),
        ({"db.system": "chroma", "db.vector.query.top_k": 3}, "retrieval", "a span"),
    ],
)
def test_steps(bench: Bench, attributes: dict[str, Any], kind: str, name: str) -> None:
    step = one(bench, span(attributes, "a span"))
    assert (step["kind"], step["name"], step["status"]) == (kind, name, "ok")
    assert (step["event_id"], step["start_time"], step["duration_us"]) == (identity(TRACE, SPAN), START_US, 2_500_000)


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


def test_other_spans_are_nothing_unless_asked_for(bench: Bench) -> None:
    given = span({"http.request.method": "GET"}, "GET /")
    assert recorded(bench, given) == []
    (step,) = recorded(bench, given, every=True)
    assert (step["kind"], step["name"], step["attributes"]) == ("other", "GET /", {"http.request.method": "GET"})


def test_a_tool_run(bench: Bench) -> None:
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "find_parcel",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": "call_1",
        "gen_ai.tool.call.arguments": '{"number": "p-9"}',
        "gen_ai.tool.call.result": "in Bonn",
    }
    step = one(bench, span(attributes))
    assert (step["tool_call_id"], step["input"], step["output"]) == ("call_1", '{"number": "p-9"}', "in Bonn")
    assert step["attributes"] == {"gen_ai.tool.type": "function"}


def test_an_agent_keeps_its_messages_instructions_and_tokens(bench: Bench) -> None:
    attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.input.messages": json.dumps(ASKED),
        "gen_ai.output.messages": json.dumps(CALLED),
        "gen_ai.tool.definitions": json.dumps([TOOL]),
        "gen_ai.usage.input_tokens": 20,
        "gen_ai.conversation.id": "c-1",
    }
    step = one(bench, span(attributes))
    assert (step["input"], step["output"]) == (json.dumps(ASKED), json.dumps(CALLED))
    assert step["attributes"]["gen_ai.usage.input_tokens"] == "20"
    assert "find_parcel" in step["attributes"]["gen_ai.tool.definitions"]
    assert step["conversation_id"] == "c-1"


@pytest.mark.parametrize(
    ("attributes", "events"),
    [
        (
            {
                "gen_ai.operation.name": "retrieval",
                "gen_ai.retrieval.query.text": "parcel",
                "gen_ai.retrieval.documents": '[{"id": "d-1", "score": 0.9, "content": "text", "source": "faq"}]',
            },
            (),
        ),
        (
            {
                "openinference.span.kind": "RETRIEVER",
                "input.value": "parcel",
                "retrieval.documents.0.document.id": "d-1",
                "retrieval.documents.0.document.score": 0.9,
                "retrieval.documents.0.document.content": "text",
                "retrieval.documents.0.document.metadata": '{"source": "faq"}',
            },
            (),
        ),
        (
            {"openinference.span.kind": "RERANKER", "reranker.query": "parcel"}
            | {
                "reranker.output_documents.0.document.id": "d-1",
                "reranker.output_documents.0.document.score": 0.9,
                "reranker.output_documents.0.document.content": "text",
                "reranker.output_documents.0.document.metadata": '{"source": "faq"}',
            },
            (),
        ),
        (
            {"db.vector.query.top_k": 1, "input.value": "parcel"},
            (
                event(
                    "db.query.result",
                    {
                        "db.query.result.id": "d-1",
                        "db.query.result.score": 0.9,
                        "db.query.result.document": "text",
                        "db.query.result.metadata": '{"source": "faq"}',
                    },
                ),
            ),
        ),
    ],
)
def test_documents(bench: Bench, attributes: dict[str, Any], events: tuple[Happening, ...]) -> None:
    step = one(bench, span(attributes, events=events))
    assert step["input"] == "parcel"
    assert step["documents"] == [{"id": "d-1", "source": "faq", "version": None, "score": 0.9, "text": "text"}]
    assert not any(name.startswith(("retrieval", "reranker")) for name in step["attributes"])


def test_an_embedding_keeps_its_texts_and_no_vectors(bench: Bench) -> None:
    attributes = {
        "openinference.span.kind": "EMBEDDING",
        "embedding.embeddings.0.embedding.text": "a",
        "embedding.embeddings.0.embedding.vector": (0.1, 0.2),
        "output.value": "[0.1, 0.2]",
    }
    step = one(bench, span(attributes))
    assert (step["input"], step["output"], step["attributes"]) == ('["a"]', None, {})


@pytest.mark.parametrize(
    ("attributes", "more", "status", "error"),
    [
        ({"error.type": "429"}, {"message": "too many"}, "error", ("429", "too many")),
        ({"error.type": "openai.APITimeoutError"}, {}, "timeout", ("openai.APITimeoutError", "")),
        ({"error.type": "CancelledError"}, {}, "cancelled", ("CancelledError", "")),
        ({}, {"failed": True}, "error", ("error", "")),
        (
            {},
            {
                "failed": True,
                "events": (event("exception", {"exception.type": "ValueError", "exception.message": "bad"}),),
            },
            "error",
            ("ValueError", "bad"),
        ),
        ({}, {"events": (event("exception", {"exception.type": "ValueError"}),)}, "ok", (None, None)),
    ],
)
def test_errors(bench: Bench, attributes: dict[str, Any], more: dict[str, Any], status: str, error: Any) -> None:
    for about in (BARE, {"gen_ai.operation.name": "execute_tool"}):
        recorded(bench, span(about | attributes, **more))
    for record in bench.events():
        assert (record["status"], (record["error_type"], record["error_message"])) == (status, error)


def test_evaluations_are_scores_of_their_span(bench: Bench) -> None:
    judged = event(
        EVALUATION,
        {
            "gen_ai.evaluation.name": "helpfulness",
            "gen_ai.evaluation.score.value": 0.5,
            "gen_ai.evaluation.score.label": "fair",
            "gen_ai.evaluation.explanation": "could be shorter",
            "gen_ai.response.id": "chatcmpl-1",
        },
    )
    recorded(bench, span(BARE | {"gen_ai.conversation.id": "c-1"}, events=(judged,)))
    write(bench.client, score_of(judged))
    first, second = bench.events("Score")
    assert first["event_id"] != second["event_id"]
    assert first["conversation_id"] == "c-1"
    for score in (first, second):
        assert score["target_event_id"] == identity(TRACE, SPAN)
        assert (score["name"], score["value"], score["label"]) == ("helpfulness", 0.5, "fair")
        assert score["explanation"] == "could be shorter"
        assert score["attributes"] == {"gen_ai.response.id": "chatcmpl-1"}


def test_the_same_span_twice_has_one_identity(bench: Bench) -> None:
    judged = event(EVALUATION, {"gen_ai.evaluation.name": "h", "gen_ai.evaluation.score.label": "good"})
    for _ in range(2):
        recorded(bench, span(BARE, events=(judged,)))
    assert len({(record["event_id"], record["event_time"]) for record in bench.events()}) == 2


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"gen_ai.conversation.id": "c"}, {"conversation_id": "c", "session_id": None}),
        ({"session.id": "s", "user.id": "u"}, {"conversation_id": "s", "session_id": "s", "user_key": "u"}),
        ({"langfuse.session.id": "s", "langfuse.user.id": "u"}, {"conversation_id": "s", "user_key": "u"}),
        ({"traceloop.association.properties.chat_id": "c"}, {"conversation_id": "c"}),
        (
            {"turnlog.conversation_id": "c", "turnlog.turn_id": "t", "turnlog.tenant": "globex", "session.id": "s"},
            {"conversation_id": "c", "turn_id": "t", "tenant_id": "globex", "session_id": "s"},
        ),
    ],
)
def test_where_it_belongs(bench: Bench, attributes: dict[str, Any], expected: dict[str, Any]) -> None:
    call = one(bench, span(BARE | attributes, scope={"attributes": {"shop": "s"}}))
    assert {name: call[name] for name in expected} == expected
    assert call["attributes"] == {"shop": "s"}


def test_other_units_and_cost(bench: Bench) -> None:
    usage = {"gen_ai.usage.audio.input_tokens": 5, "gen_ai.usage.images": 2, "gen_ai.usage.cost": 0.25}
    call = one(bench, span(BARE | usage | {"gen_ai.usage.total_tokens": 9}))
    assert call["usage"] == {"audio_input_tokens": 5.0, "images": 2.0}
    assert call["cost"] is not None
    assert call["attributes"] == {"gen_ai.usage.total_tokens": "9"}


def test_a_completion_start_is_a_first_chunk(bench: Bench) -> None:
    start = '"2023-11-14T22:13:20.400Z"'
    assert (
        one(bench, span(BARE | {"langfuse.observation.completion_start_time": start}))["time_to_first_chunk_us"]
        == 400_000
    )


@pytest.mark.parametrize("name", ["gen_ai.prompt.0.content", "llm.tools.0.tool.json_schema", "input.value"])
def test_content_is_not_an_attribute(name: str) -> None:
    assert is_content(name)


@pytest.mark.parametrize("name", ["gen_ai.prompt.name", "gen_ai.prompt.variable.x", "llm.tools", "input.values"])
def test_what_only_looks_like_content_is(name: str) -> None:
    assert not is_content(name)


def test_lines(bench: Bench) -> None:
    happening = Happening(
        "parcel.found",
        START_US,
        {
            "exception.type": "ValueError",
            "exception.message": "bad",
            "exception.stacktrace": "Traceback …",
            "code.file.path": "shop.py",
            "code.line.number": 7,
            "code.function.name": "find",
            "session.id": "s-1",
            "warehouse": "north",
        },
        {"parcel": "p-9"},
        TRACE,
        SPAN,
        17,
        "ERROR",
        "shop.answers",
        {"turn_id": "t-1", "attributes": {"shop": "s"}},
    )
    write_line(bench.client, *line_of(happening))
    line = bench.only("LogRecord")
    expected = {
        "log_type": "error",
        "severity_number": 17,
        "severity_text": "ERROR",
        "logger_name": "shop.answers",
        "event_name": "parcel.found",
        "event_time": START_US,
        "body": '{"parcel":"p-9"}',
        "trace_id": TRACE,
        "parent_span_id": SPAN,
        "conversation_id": "s-1",
        "turn_id": "t-1",
        "exception_type": "ValueError",
        "exception_message": "bad",
        "exception_stacktrace": "Traceback …",
        "code_file": "shop.py",
        "code_line": 7,
        "code_function": "find",
        "attributes": {"shop": "s", "warehouse": "north"},
    }
    assert {name: line[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("severity", "log_type"),
    [(None, "info"), (1, "debug"), (8, "debug"), (9, "info"), (16, "info"), (17, "error"), (24, "error"), (99, "info")],
)
def test_severities(bench: Bench, severity: int | None, log_type: str) -> None:
    write_line(bench.client, *line_of(Happening("", START_US, {}, "x", severity=severity)))
    assert bench.only("LogRecord")["log_type"] == log_type


class Rude:
    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __bool__ = __str__


NAMES = sorted({*CURRENT, *TRACELOOP, *OPENINFERENCE, "events", "gen_ai.prompt", "retrieval.documents.0.document.id"})
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters()), st.binary(), st.builds(Rude)
)
VALUES = st.recursive(
    SCALARS | st.sampled_from(['{"role": 1}', "[1, {}]", '[{"type": null}]', "[[]]", '{"choices": [3]}']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
ATTRIBUTES = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), VALUES, max_size=10)
EVENTS = st.lists(
    st.builds(
        event,
        st.sampled_from([DETAILS, EVALUATION, "gen_ai.choice", "gen_ai.tool.message", "gen_ai.content.prompt", "x"]),
        ATTRIBUTES,
        VALUES,
    ),
    max_size=3,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=80)
@given(attributes=ATTRIBUTES, events=EVENTS, said=EVENTS, failed=st.booleans(), line=EVENTS)
def test_whatever_the_attributes_hold(
    attributes: dict[str, Any], events: list[Happening], said: list[Happening], failed: bool, line: list[Happening]
) -> None:
    client, recorded = recording_client()
    for record in records_of(span(attributes, events=events, failed=failed), said, every=True):
        write(client, record)
    for each in line:
        write_line(client, *line_of(each))
    result = client.close(60)
    assert result.dropped == 0
    assert len(recorded.events()) == result.sent > 0
