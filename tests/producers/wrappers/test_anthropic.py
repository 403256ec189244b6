"""A wrapped Anthropic client: the real SDK against a local server, recorded as calls, and to its caller what it was."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AnthropicVertex, AsyncAnthropic, Stream
from anthropic.types import Message, MessageParam

from fakes.openai_api import ANSWER, CITY
from fakes.server import SLOW, ModelServer
from recordings import Log
from turnlog.producers.integrations.anthropic import call_fields, wrap

TEXT = "".join(ANSWER)
HELLO: list[MessageParam] = [{"role": "user", "content": "hello"}]
WEATHER: list[MessageParam] = [{"role": "user", "content": "think of the weather"}]
ANSWERED = [
    {"type": "reasoning", "content": "A parcel moves."},
    {"type": "text", "content": TEXT},
    {"type": "tool_call", "id": "toolu_1", "name": "weather", "arguments": CITY},
]


@pytest.fixture
def bare(models: ModelServer) -> Iterator[Anthropic]:
    with Anthropic(base_url=models.url, api_key="k", max_retries=0) as sdk:
        yield sdk


@pytest.fixture
def sdk(bare: Anthropic, log: Log) -> Anthropic:
    return wrap(bare, log.client)


def asynchronous(models: ModelServer, log: Log, scenario: Callable[[AsyncAnthropic], Any]) -> Any:
    async def run() -> Any:
        async with AsyncAnthropic(base_url=models.url, api_key="k", max_retries=0) as sdk:
            return await scenario(wrap(sdk, log.client))

    return asyncio.run(run())


def parts(event: Any) -> list[dict[str, Any]]:
    (message,) = json.loads(event["output_messages"])
    found: list[dict[str, Any]] = message["parts"]
    return found


def test_a_message_is_recorded_whole(sdk: Anthropic, log: Log, models: ModelServer) -> None:
    tool: Any = {"name": "weather", "input_schema": {"type": "object"}}
    with log.client.conversation("c-1"), log.client.turn("t-1"), call_fields(prompt_name="greeting"):
        answer = sdk.messages.create(
            model="claude",
            max_tokens=50,
            messages=WEATHER,
            system="be kind",
            stop_sequences=["END"],
            tools=[tool],
            extra_body={"temperature": 0.5, "top_k": 3},
        )
    assert type(answer) is Message
    assert answer.usage.input_tokens == 10
    event = log.call()
    expected = {
        "provider_name": "anthropic",
        "operation_name": "chat",
        "request_model": "claude",
        "response_model": "claude-20260101",
        "response_id": "msg_1",
        "status": "ok",
        "finish_reasons": ["tool_use"],
        "conversation_id": "c-1",
        "turn_id": "t-1",
        "prompt_name": "greeting",
        "request_max_tokens": 50,
        "request_temperature": 0.5,
        "request_top_k": 3,
        "request_stop_sequences": ["END"],
        "usage_input_tokens": 20,
        "usage_cache_read_input_tokens": 6,
        "usage_cache_creation_input_tokens": 4,
        "usage_output_tokens": 9,
        "time_to_first_chunk_us": None,
        "system_instructions": '[{"type":"text","content":"be kind"}]',
        "input_messages": '[{"role":"user","parts":[{"type":"text","content":"think of the weather"}]}]',
        "attributes": {
            "server.address": "127.0.0.1",
            "server.port": models.url.rpartition(":")[2],
            "anthropic.response.service_tier": "standard",
            "provider.request_id": "req_1",
        },
    }
    assert {name: event[name] for name in expected} == expected
    assert json.loads(str(event["tool_definitions"])) == [tool]
    assert parts(event) == ANSWERED


def test_nothing_else_is_sent(bare: Anthropic, log: Log, models: ModelServer) -> None:
    def send() -> list[tuple[str, set[str], dict[str, Any]]]:
        before = len(models.asked)
        bare.messages.create(model="m", max_tokens=9, messages=HELLO)
        list(bare.messages.create(model="m", max_tokens=9, messages=HELLO, stream=True))
        bare.messages.with_raw_response.create(model="m", max_tokens=9, messages=HELLO)
        return [(each.path, set(each.headers), each.body) for each in models.asked[before:]]

    unwrapped = send()
    wrap(bare, log.client)
    assert send() == unwrapped


def test_an_answer_given_back_is_read(sdk: Anthropic, log: Log) -> None:
    answer = sdk.messages.create(model="m", max_tokens=9, messages=WEATHER)
    result: Any = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "17"}]}
    sdk.messages.create(
        model="m", max_tokens=9, messages=[*WEATHER, {"role": "assistant", "content": answer.content}, result]
    )
    _, second = log.calls()
    _, assistant, tool = json.loads(str(second["input_messages"]))
    assert [each["type"] for each in assistant["parts"]] == ["reasoning", "text", "tool_call"]
    assert tool["parts"] == [{"type": "tool_call_response", "id": "toolu_1", "response": "17"}]


def test_streams_and_the_stream_helper(sdk: Anthropic, log: Log) -> None:
    stream = sdk.messages.create(model="raw-slow", max_tokens=9, messages=WEATHER, stream=True)
    assert type(stream) is Stream
    assert stream.response.status_code == 200
    assert [event.type for event in stream][-1] == "message_stop"
    with sdk.messages.stream(model="text", max_tokens=9, messages=WEATHER) as texts:
        assert "".join(texts.text_stream) == TEXT
    with sdk.messages.stream(model="final", max_tokens=9, messages=WEATHER) as final:
        assert final.get_final_message().stop_reason == "tool_use"
    with sdk.beta.messages.stream(
        model="beta", max_tokens=9, messages=[{"role": "user", "content": "think of the weather"}]
    ) as beta:
        assert beta.get_final_text() == TEXT
    calls = log.calls()
    assert [each["request_model"] for each in calls] == ["raw-slow", "text", "final", "beta"]
    for event in calls:
        assert (event["status"], event["finish_reasons"]) == ("ok", ["tool_use"])
        assert (event["usage_input_tokens"], event["usage_output_tokens"]) == (20, 9)
        assert parts(event) == ANSWERED
    first_chunk = calls[0]["time_to_first_chunk_us"]
    assert isinstance(first_chunk, int)
    assert SLOW * 1e6 <= first_chunk <= calls[0]["duration_us"]
    assert calls[0]["output_chunks"] == 7


def test_streams_left_early_are_cancelled(sdk: Anthropic, log: Log) -> None:
    with sdk.messages.create(model="m", max_tokens=9, messages=HELLO, stream=True) as stream:
        for event in stream:
            if event.type == "content_block_delta":
                break
    with sdk.messages.stream(model="m", max_tokens=9, messages=HELLO) as helper:
        next(helper.text_stream)
    calls = log.calls()
    assert [each["status"] for each in calls] == ["cancelled"] * 2
    assert [parts(each) for each in calls] == [[{"type": "text", "content": ANSWER[0]}]] * 2
    assert calls[0]["usage_input_tokens"] == 20


def test_a_dropped_stream_is_closed_at_once_as_ever(sdk: Anthropic, log: Log) -> None:
    stream = sdk.messages.create(model="dropped", max_tokens=9, messages=HELLO, stream=True)
    next(stream)
    response = stream.response
    del stream
    assert response.is_closed
    sdk.messages.create(model="next", max_tokens=9, messages=HELLO)
    assert [(each["request_model"], each["status"]) for each in log.calls()] == [
        ("dropped", "cancelled"),
        ("next", "ok"),
    ]


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (529, anthropic.InternalServerError, "overloaded_error"),
    ],
)
def test_errors_are_recorded_and_raised(
    sdk: Anthropic, log: Log, status: int, error: type[anthropic.APIStatusError], kind: str
) -> None:
    with pytest.raises(error):
        sdk.messages.create(model=f"m-{status}", max_tokens=9, messages=HELLO)
    event = log.call()
    assert event["status"] == "error"
    assert str(event["error_type"]).startswith("anthropic.")
    attributes = event["attributes"]
    assert (attributes["provider.error.type"], attributes["http.response.status_code"]) == (kind, str(status))
    assert attributes["provider.request_id"] == "req_1"


def test_streams_that_break_keep_what_came(sdk: Anthropic, log: Log) -> None:
    with pytest.raises(anthropic.APIStatusError):
        list(sdk.messages.create(model="m-error", max_tokens=9, messages=HELLO, stream=True))
    with (
        pytest.raises(Exception, match="peer closed connection"),
        sdk.messages.stream(model="m-break", max_tokens=9, messages=HELLO) as helper,
    ):
        helper.until_done()
    overloaded, broken = log.calls()
    assert overloaded["attributes"]["provider.error.type"] == "overloaded_error"
    for event in (overloaded, broken):
        assert event["status"] == "error"
        assert parts(event) == [{"type": "text", "content": ANSWER[0]}]


def test_retries_raw_responses_and_copies(sdk: Anthropic, log: Log) -> None:
    sdk.with_options(max_retries=2).messages.create(model="m-429-once", max_tokens=9, messages=HELLO)
    raw = sdk.messages.with_raw_response.create(model="raw", max_tokens=9, messages=HELLO)
    assert raw.parse().stop_reason == "end_turn"
    with sdk.messages.with_streaming_response.create(
        model="events", max_tokens=9, messages=HELLO, stream=True
    ) as events:
        assert len(list(events.parse())) == 8
    assert wrap(sdk, log.client) is sdk
    sdk.copy().messages.create(model="copy", max_tokens=9, messages=HELLO)
    assert sdk.messages.count_tokens(model="m", messages=HELLO).input_tokens == 10
    assert [(each["request_model"], each["status"], each["retries"]) for each in log.calls()] == [
        ("m-429-once", "ok", 1),
        ("raw", "ok", 0),
        ("events", "ok", 0),
        ("copy", "ok", 0),
    ]


def test_other_clouds_by_their_class(log: Log) -> None:
    vertex = AnthropicVertex(
        region="global", project_id="p", access_token="t", base_url="http://127.0.0.1:1", max_retries=0
    )
    with wrap(vertex, log.client), pytest.raises(anthropic.APIConnectionError):
        vertex.messages.create(model="claude", max_tokens=9, messages=HELLO)
    event = log.call()
    assert (event["provider_name"], event["request_model"]) == ("gcp.vertex_ai", "claude")


def test_asynchronously(models: ModelServer, log: Log) -> None:
    async def scenario(sdk: AsyncAnthropic) -> None:
        with log.client.conversation("c-1"):
            answer = await sdk.messages.create(model="plain", max_tokens=9, messages=HELLO)
            assert type(answer) is Message
        stream = await sdk.messages.create(model="stream-slow", max_tokens=9, messages=HELLO, stream=True)
        assert isinstance(stream, anthropic.AsyncStream)
        assert [event.type async for event in stream][-1] == "message_stop"
        async with sdk.messages.stream(model="helper", max_tokens=9, messages=HELLO) as helper:
            assert "".join([text async for text in helper.text_stream]) == TEXT
        async with sdk.messages.stream(model="left", max_tokens=9, messages=HELLO) as left:
            await anext(left)
        raw = await sdk.messages.with_raw_response.create(model="raw", max_tokens=9, messages=HELLO)
        assert (await raw.parse()).stop_reason == "end_turn"
        with pytest.raises(anthropic.RateLimitError):
            await sdk.messages.create(model="m-429", max_tokens=9, messages=HELLO)

    asynchronous(models, log, scenario)
    calls = log.calls()
    assert [(each["request_model"], each["status"]) for each in calls] == [
        ("plain", "ok"),
        ("stream-slow", "ok"),
        ("helper", "ok"),
        ("left", "cancelled"),
        ("raw", "ok"),
        ("m-429", "error"),
    ]
    assert calls[0]["conversation_id"] == "c-1"
    assert parts(calls[1]) == parts(calls[2]) == [{"type": "text", "content": TEXT}]


def test_a_task_that_is_cancelled(models: ModelServer, log: Log) -> None:
    async def scenario(sdk: AsyncAnthropic) -> None:
        came = asyncio.Event()

        async def read() -> None:
            async with sdk.messages.stream(model="m-hang", max_tokens=9, messages=HELLO) as stream:
                async for _ in stream.text_stream:
                    came.set()

        task = asyncio.create_task(read())
        await came.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asynchronous(models, log, scenario)
    event = log.call()
    assert event["status"] == "cancelled"
    assert log.said() == [{"type": "text", "content": ANSWER[0]}]
