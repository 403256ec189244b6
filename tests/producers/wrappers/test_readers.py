"""Answers are read the same from objects, decoded JSON and chunks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from fakes import anthropic_api, openai_api
from turnlog.producers.integrations.sdk.answer import Endpoint
from turnlog.producers.integrations.sdk.chat import CHAT
from turnlog.producers.integrations.sdk.messages import MESSAGE
from turnlog.producers.integrations.sdk.responses import RESPONSE
from turnlog.producers.integrations.sdk.texts import COMPLETION, EMBEDDING

Body = dict[str, Any]
QUESTIONS = ("hello", "weather?", "think", "think of the weather", "refuse")
STREAMED = [
    pytest.param(CHAT, openai_api.chat, openai_api.chat_chunks, id="chat"),
    pytest.param(COMPLETION, openai_api.completion, openai_api.completion_chunks, id="completion"),
    pytest.param(RESPONSE, openai_api.response, openai_api.response_events, id="response"),
    pytest.param(MESSAGE, anthropic_api.message, anthropic_api.message_events, id="message"),
]


def objects(value: Any) -> Any:
    """JSON as an SDK's objects; a tool's input stays as it is."""

    def made(fields: Body) -> Any:
        return fields if fields == openai_api.CITY else SimpleNamespace(**fields)

    return json.loads(json.dumps(value), object_hook=made)


def body_of(question: str, **more: Any) -> Body:
    messages = [{"role": "user", "content": question}]
    return {"model": "m", "messages": messages, "input": question, "stream_options": {"include_usage": True}, **more}


@pytest.mark.parametrize("form", [dict, objects], ids=["json", "objects"])
@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(("endpoint", "plain", "chunks"), STREAMED)
def test_a_stream_is_read_as_the_plain_answer(
    endpoint: Endpoint,
    plain: Callable[[Body], Body],
    chunks: Callable[[Body], Iterator[Body]],
    question: str,
    form: Callable[[Any], Any],
) -> None:
    body = body_of(question)
    whole = endpoint.response(form(plain(body)))
    assembly = endpoint.assembly(body)
    pieces = [assembly.add(form(each)) for each in chunks(body)]
    assert assembly.complete
    streamed = assembly.answer()
    assert any(pieces)
    assert not pieces[0] or endpoint is COMPLETION  # the first chunks say who answers, not what
    assert streamed.model == whole.model
    assert streamed.response_id == whole.response_id
    assert streamed.finish == whole.finish
    if endpoint is not COMPLETION:
        assert streamed.usage == whole.usage
    assert streamed.messages == whole.messages


@pytest.mark.parametrize(("endpoint", "plain", "chunks"), STREAMED)
def test_an_answer_that_breaks_off_is_what_came(
    endpoint: Endpoint, plain: Callable[[Body], Body], chunks: Callable[[Body], Iterator[Body]]
) -> None:
    del plain
    body = body_of("weather")
    events = list(chunks(body))
    for length in range(len(events)):
        assembly = endpoint.assembly(body)
        for each in events[:length]:
            assembly.add(each)
        answer = assembly.answer()
        assert answer.failure is None
        if length < len(events) - 3:
            assert not assembly.complete


@pytest.mark.parametrize("endpoint", [CHAT, COMPLETION, EMBEDDING, RESPONSE, MESSAGE])
@pytest.mark.parametrize(
    "odd",
    [None, 17, "text", {}, [], {"choices": None}, {"choices": [None, {"delta": 3}]}, {"output": [{}]}, object()],
)
def test_odd_answers_are_no_answers(endpoint: Endpoint, odd: Any) -> None:
    endpoint.response(odd)
    assembly = endpoint.assembly({})
    assert assembly.add(odd) is False
    assembly.answer()


def test_every_choice_is_an_answer() -> None:
    body = body_of("hello", n=3)
    assembly = CHAT.assembly(body)
    for each in openai_api.chat_chunks(body):
        assert not assembly.complete
        assembly.add(each)
        if each["choices"] and each["choices"][0]["index"] == 2 and each["choices"][0]["finish_reason"]:
            break
    assert assembly.complete
    answer = assembly.answer()
    assert answer.messages == CHAT.response(openai_api.chat(body)).messages
    assert answer.finish == ["stop"] * 3


def test_tool_calls_without_index_or_in_parallel() -> None:
    def chunk(*calls: Body) -> Body:
        return {"choices": [{"index": 0, "delta": {"tool_calls": list(calls)}}]}

    def call(index: int | None, call_id: str | None, name: str | None, arguments: str) -> Body:
        return {"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}

    parallel = CHAT.assembly({})
    parallel.add(chunk(call(0, "a", "f", ""), call(1, "b", "g", "")))
    parallel.add(chunk(call(1, None, None, "[2]"), call(0, None, None, "[1]")))
    unnumbered = CHAT.assembly({})
    for each in (call(None, "a", "f", "["), call(None, None, None, "1]"), call(None, "b", "g", "[2]")):
        unnumbered.add(chunk(each))
    expected = [
        {"type": "tool_call", "id": "a", "name": "f", "arguments": "[1]"},
        {"type": "tool_call", "id": "b", "name": "g", "arguments": "[2]"},
    ]
    for assembly in (parallel, unnumbered):
        assert assembly.answer().messages == [{"role": "assistant", "parts": expected}]


def test_what_tokens_were_used_for() -> None:
    counted = {
        "prompt_tokens": 20,
        "completion_tokens": 9,
        "total_tokens": 29,
        "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 4, "accepted_prediction_tokens": None},
    }
    assert CHAT.response({"usage": counted}).usage == {
        "input_tokens": 20,
        "output_tokens": 9,
        "cache_read_input_tokens": 8,
        "reasoning_output_tokens": 3,
        "input_audio_tokens": 2,
        "output_audio_tokens": 4,
    }
    cached = {
        "input_tokens": 10,
        "cache_read_input_tokens": 6,
        "cache_creation_input_tokens": 4,
        "output_tokens": 9,
        "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 1},
        "server_tool_use": {"web_search_requests": 2},
        "output_tokens_details": {"thinking_tokens": 5},
    }
    assert MESSAGE.response({"usage": cached}).usage == {
        "input_tokens": 20,
        "cache_read_input_tokens": 6,
        "cache_creation_input_tokens": 4,
        "output_tokens": 9,
        "reasoning_output_tokens": 5,
        "web_search_requests": 2,
        "cache_creation_5m_input_tokens": 3,
        "cache_creation_1h_input_tokens": 1,
    }


def test_a_response_that_fails_or_stops_short_says_so() -> None:
    failed = {"status": "failed", "error": {"code": "server_error", "message": "oh"}}
    assert RESPONSE.response(failed).failure == ("server_error", "oh")
    short = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    assert RESPONSE.response(short).finish == ["length"]
    assert RESPONSE.response({"status": "queued"}).finish == ["queued"]


def test_a_request_says_what_was_asked_for() -> None:
    fields = CHAT.request(
        {
            "model": "m",
            "messages": [],
            "max_completion_tokens": 5,
            "stop": ["END"],
            "seed": 7,
            "n": 2,
            "response_format": {"type": "json_schema"},
            "reasoning_effort": "low",
        }
    )
    assert fields == {
        "model": "m",
        "input": [],
        "max_tokens": 5,
        "stop": ["END"],
        "seed": 7,
        "attributes": {
            "gen_ai.request.choice.count": 2,
            "gen_ai.output.type": "json",
            "gen_ai.request.reasoning_effort": "low",
        },
    }
    assert EMBEDDING.request({"model": "m", "input": [[1, 2], [3]]})["input"] is None
    assert MESSAGE.request({"model": "m", "messages": iter([])})["input"] is None  # the SDK's to go through
