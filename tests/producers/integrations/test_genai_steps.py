"""Spans of tools, agents, retrievals and the like become steps; how they end, where they belong, and their scores."""

from __future__ import annotations

import json
from typing import Any

import pytest

from genai_spans import (
    ASKED,
    BARE,
    CALLED,
    SPAN,
    TOOL,
    TRACE,
    event,
    one,
    recorded,
    span,
)
from turnlog.producers.integrations.genai import EVALUATION, Happening, write
from turnlog.producers.integrations.genai.content import is_content
from turnlog.producers.integrations.genai.records import identity, score_of
from workbench import START_US, Bench


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


def test_an_embedding_of_an_older_convention(bench: Bench) -> None:
    step = one(
        bench, span({"llm.request.type": "embedding", "gen_ai.system": "OpenAI", "gen_ai.prompt.0.content": "a"})
    )
    assert (step["kind"], step["input"]) == ("embedding", '[{"content":"a"}]')


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
