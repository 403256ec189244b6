"""A wrapped OpenAI client: the real SDK against a local server, recorded as calls, and to its caller what it was."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai import AzureOpenAI, OpenAI, Stream
from openai.types.chat import ChatCompletion
from pydantic import BaseModel

from fakes.server import ModelServer
from openai_chats import HELLO, TEXT, WEATHER, Place, parts
from recordings import Log
from turnlog.producers.integrations.openai import call_fields, wrap
from turnlog.stack.ports import free_port


def test_a_chat_completion_is_recorded_whole(sdk: OpenAI, log: Log, models: ModelServer) -> None:
    asked = len(models.asked)
    with log.client.conversation("c-1", user_key="jane"), log.client.turn("t-1"):
        answer = sdk.chat.completions.create(
            model="gpt-4o", messages=HELLO, temperature=0.5, max_completion_tokens=50, stop=["END"], seed=7
        )
    assert type(answer) is ChatCompletion
    assert answer.choices[0].message.content == TEXT
    event = log.call()
    expected = {
        "provider_name": "openai",
        "operation_name": "chat",
        "request_model": "gpt-4o",
        "response_model": "gpt-4o-2026-01-01",
        "response_id": "chatcmpl-1",
        "status": "ok",
        "finish_reasons": ["stop"],
        "conversation_id": "c-1",
        "turn_id": "t-1",
        "user_key": "jane",
        "request_temperature": 0.5,
        "request_max_tokens": 50,
        "request_stop_sequences": ["END"],
        "request_seed": 7,
        "usage_input_tokens": 20,
        "usage_output_tokens": 9,
        "usage_cache_read_input_tokens": 8,
        "usage_reasoning_output_tokens": 3,
        "usage": {},
        "time_to_first_chunk_us": None,
        "output_chunks": None,
        "retries": 0,
        "input_messages": '[{"role":"user","parts":[{"type":"text","content":"hello"}]}]',
        "attributes": {
            "server.address": "127.0.0.1",
            "server.port": models.url.rpartition(":")[2],
            "openai.response.service_tier": "default",
            "openai.response.system_fingerprint": "fp_1",
            "provider.request_id": "req_1",
        },
    }
    assert {name: event[name] for name in expected} == expected
    assert log.said() == [{"type": "text", "content": TEXT}]
    assert len(models.asked) == asked + 1


def test_nothing_else_is_sent(bare: OpenAI, log: Log, models: ModelServer) -> None:
    def send() -> list[tuple[str, set[str], dict[str, Any]]]:
        before = len(models.asked)
        bare.chat.completions.create(model="m", messages=HELLO)
        list(bare.chat.completions.create(model="m", messages=HELLO, stream=True))
        bare.chat.completions.with_raw_response.create(model="m", messages=HELLO)
        bare.responses.create(model="m", input="hello")
        bare.embeddings.create(model="m", input="hello")
        return [(each.path, set(each.headers), each.body) for each in models.asked[before:]]

    unwrapped = send()
    wrap(bare, log.client)
    assert send() == unwrapped


def test_tools_refusals_reasoning_and_choices(sdk: OpenAI, log: Log) -> None:
    tool: Any = {"type": "function", "function": {"name": "weather", "parameters": {}}}
    sdk.chat.completions.create(model="m", messages=WEATHER, tools=[tool])
    sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "refuse"}])
    sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "think"}])
    sdk.chat.completions.create(model="m", messages=HELLO, n=2)
    tools, refused, thought, two = log.calls()
    assert json.loads(str(tools["tool_definitions"])) == [tool]
    call = {"type": "tool_call", "id": "call_1", "name": "weather", "arguments": '{"city": "Paris"}'}
    assert parts(tools) == [[call]]
    assert tools["finish_reasons"] == ["tool_calls"]
    assert parts(refused) == [[{"type": "refusal", "content": "I can't help with that."}]]
    assert parts(thought)[0][0] == {"type": "reasoning", "content": "A parcel moves."}
    assert parts(two) == [[{"type": "text", "content": TEXT}]] * 2
    assert two["finish_reasons"] == ["stop", "stop"]


def test_structured_answers(sdk: OpenAI, log: Log) -> None:
    chat = sdk.chat.completions.parse(model="m", messages=HELLO, response_format=Place)
    assert chat.choices[0].message.parsed == Place(city="Paris")
    response = sdk.responses.parse(model="m", input="hello", text_format=Place)
    assert response.output_parsed == Place(city="Paris")
    for event in log.calls():
        assert parts(event) == [[{"type": "text", "content": '{"city": "Paris"}'}]]
        assert event["attributes"]["gen_ai.output.type"] == "json"


def test_an_answer_that_does_not_fit_is_an_error_and_an_answer(sdk: OpenAI, log: Log) -> None:
    class Other(BaseModel):
        street: int

    with pytest.raises(ValueError, match="street"):
        sdk.chat.completions.parse(model="m", messages=HELLO, response_format=Other)
    assert log.call()["status"] == "error"


def test_an_answer_cut_off_at_a_limit_is_kept_with_its_error(sdk: OpenAI, log: Log) -> None:
    with pytest.raises(openai.LengthFinishReasonError):
        sdk.chat.completions.parse(model="m", messages=[{"role": "user", "content": "too long"}], response_format=Place)
    event = log.call()
    assert (event["status"], event["error_type"]) == ("error", "openai.LengthFinishReasonError")
    assert (event["finish_reasons"], event["usage_output_tokens"]) == (["length"], 9)
    assert log.said() == [{"type": "text", "content": '{"city": "Paris"}'}]


def test_responses(sdk: OpenAI, log: Log) -> None:
    item: Any = {"type": "function_call_output", "call_id": "call_0", "output": "17"}
    question: Any = {"role": "user", "content": [{"type": "input_text", "text": "think of the weather"}]}
    sdk.responses.create(model="m", input=[item, question], instructions="be kind", max_output_tokens=50)
    stream = sdk.responses.create(model="m", input="think of the weather", stream=True)
    assert list(stream)[-1].type == "response.completed"
    plain, streamed = log.calls()
    assert json.loads(str(plain["input_messages"])) == [
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_0", "response": "17"}]},
        {"role": "user", "parts": [{"type": "text", "content": "think of the weather"}]},
    ]
    assert plain["system_instructions"] == '[{"type":"text","content":"be kind"}]'
    assert plain["request_max_tokens"] == 50
    call = {"type": "tool_call", "id": "call_1", "name": "weather", "arguments": '{"city": "Paris"}'}
    for event in (plain, streamed):
        assert event["response_id"] == "resp_1"
        assert event["finish_reasons"] == ["tool_calls"]
        assert event["usage_input_tokens"] == 20
        assert event["usage_reasoning_output_tokens"] == 3
        assert parts(event) == [[{"type": "reasoning", "content": "A parcel moves."}, call]]
    assert streamed["time_to_first_chunk_us"] is not None


def test_embeddings_and_legacy_completions(sdk: OpenAI, log: Log) -> None:
    assert len(sdk.embeddings.create(model="e", input=["a", "b"]).data) == 2
    sdk.completions.create(model="c", prompt="hello")
    list(sdk.completions.create(model="c", prompt="hello", stream=True))
    embedded, completed, streamed = log.calls()
    assert (embedded["operation_name"], embedded["usage_input_tokens"], embedded["output_messages"]) == (
        "embeddings",
        5,
        None,
    )
    assert len(json.loads(str(embedded["input_messages"]))) == 2
    for event in (completed, streamed):
        assert event["operation_name"] == "text_completion"
        assert parts(event) == [[{"type": "text", "content": TEXT}]]


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (400, openai.BadRequestError, "bad_request"),
        (429, openai.RateLimitError, "rate_limit_exceeded"),
        (500, openai.InternalServerError, "server_error"),
    ],
)
def test_errors_are_recorded_and_raised(
    sdk: OpenAI, log: Log, status: int, error: type[openai.APIStatusError], code: str
) -> None:
    with pytest.raises(error) as caught:
        sdk.chat.completions.create(model=f"m-{status}", messages=HELLO)
    event = log.call()
    assert (event["status"], event["error_type"]) == ("error", f"openai.{error.__name__}")
    assert event["error_message"] == str(caught.value)
    attributes = event["attributes"]
    assert (attributes["http.response.status_code"], attributes["provider.error.code"]) == (str(status), code)
    assert attributes["provider.request_id"] == "req_1"


def test_retries_are_counted(sdk: OpenAI, log: Log) -> None:
    patient = sdk.with_options(max_retries=2)
    patient.chat.completions.create(model="m-429-once", messages=HELLO)
    list(patient.chat.completions.create(model="m-429-once", messages=HELLO, stream=True))
    patient.chat.completions.with_raw_response.create(model="m-429-once", messages=HELLO)
    with pytest.raises(openai.RateLimitError):
        patient.chat.completions.create(model="m-429", messages=HELLO)
    assert [(each["status"], each["retries"]) for each in log.calls()] == [("ok", 1)] * 3 + [("error", 2)]


def test_timeouts_and_unreachable_servers(sdk: OpenAI, log: Log) -> None:
    with pytest.raises(openai.APITimeoutError):
        sdk.with_options(timeout=0.05).chat.completions.create(model="m-hang", messages=HELLO)
    with pytest.raises(openai.APITimeoutError):
        list(sdk.chat.completions.create(model="m-hang", messages=HELLO, stream=True, timeout=0.2))
    gone = sdk.copy(base_url=f"http://127.0.0.1:{free_port()}/v1")
    with pytest.raises(openai.APIConnectionError):
        gone.chat.completions.create(model="m", messages=HELLO)
    late, stuck, lost = log.calls()
    assert (late["status"], stuck["status"], lost["status"]) == ("timeout", "timeout", "error")
    assert lost["error_type"] == "openai.APIConnectionError"


def test_raw_responses(sdk: OpenAI, log: Log) -> None:
    raw = sdk.chat.completions.with_raw_response.create(model="raw", messages=HELLO)
    assert raw.headers["x-request-id"] == "req_1"
    assert raw.parse().choices[0].message.content == TEXT
    streamed = sdk.chat.completions.with_raw_response.create(model="raw stream", messages=HELLO, stream=True)
    assert isinstance(streamed.parse(), Stream)
    list(streamed.parse())
    with sdk.chat.completions.with_streaming_response.create(model="parsed", messages=HELLO) as parsed:
        assert parsed.parse().choices[0].message.content == TEXT
    with sdk.chat.completions.with_streaming_response.create(model="read", messages=HELLO) as read:
        assert json.loads(read.read())["id"] == "chatcmpl-1"
    with sdk.chat.completions.with_streaming_response.create(model="lines", messages=HELLO) as lines:
        assert list(lines.iter_lines())
    with sdk.chat.completions.with_streaming_response.create(model="events", messages=HELLO, stream=True) as events:
        assert len(list(events.parse())) == 5
    with sdk.chat.completions.with_streaming_response.create(model="left", messages=HELLO, stream=True) as left:
        next(iter(left.parse()))
    found = {event["request_model"]: event for event in log.calls()}
    assert list(found) == ["raw", "raw stream", "parsed", "read", "lines", "events", "left"]
    assert found.pop("left")["status"] == "cancelled"
    assert found["lines"]["output_messages"] is None
    for model, event in found.items():
        assert event["status"] == "ok"
        assert model == "lines" or parts(event) == [[{"type": "text", "content": TEXT}]]


def test_copies_record_too_and_wrapping_again_records_once(sdk: OpenAI, log: Log) -> None:
    assert wrap(sdk, log.client, provider="openai") is sdk
    completions = sdk.chat.completions
    wrap(sdk.with_options(timeout=5), log.client, provider="vllm", variant="b").chat.completions.create(
        model="copy", messages=HELLO
    )
    sdk.copy().chat.completions.create(model="second", messages=HELLO)
    completions.create(model="first", messages=HELLO)
    assert [(each["request_model"], each["provider_name"], each["variant"]) for each in log.calls()] == [
        ("copy", "vllm", "b"),
        ("second", "openai", None),
        ("first", "openai", None),
    ]


def test_what_code_around_says_of_a_call(bare: OpenAI, log: Log) -> None:
    sdk = wrap(bare, log.client, agent_name="clerk", attributes={"a": 1})
    with call_fields(prompt_name="greeting", attributes={"b": 2}), call_fields(prompt_version="3"):
        sdk.chat.completions.create(model="m", messages=HELLO)
    sdk.chat.completions.create(model="m", messages=HELLO)
    inside, outside = log.calls()
    assert (inside["agent_name"], inside["prompt_name"], inside["prompt_version"]) == ("clerk", "greeting", "3")
    assert inside["attributes"].items() >= {"a": "1", "b": "2", "server.address": "127.0.0.1"}.items()
    assert (outside["agent_name"], outside["prompt_name"]) == ("clerk", None)


def test_azure_by_its_class_and_others_by_their_host(models: ModelServer, log: Log) -> None:
    with AzureOpenAI(azure_endpoint=models.url + "/v1", api_key="k", api_version="2026-01-01", max_retries=0) as azure:
        wrap(azure, log.client).chat.completions.create(model="m", messages=HELLO)
    with OpenAI(base_url=models.url + "/v1", api_key="k") as local:
        wrap(local, log.client).chat.completions.create(model="m", messages=HELLO)
    assert [each["provider_name"] for each in log.calls()] == ["azure.ai.openai", "127.0.0.1"]


def test_what_goes_wrong_in_recording_is_not_the_callers_trouble(
    bare: OpenAI, log: Log, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sdk = wrap(bare, log.client)

    def fail(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    for where in (
        "hook._body",
        "hook.is_raw",
        "recording.Recording._end",
        "streams.become",
        "streams.is_stream",
        "chat.get",
    ):
        with monkeypatch.context() as broken:
            broken.setattr(f"turnlog.producers.integrations.sdk.{where}", fail)
            assert sdk.chat.completions.create(model="m", messages=HELLO).choices[0].message.content == TEXT
            assert len(list(sdk.chat.completions.create(model="m", messages=HELLO, stream=True))) == 5
    assert "failed" in caplog.text
    assert wrap(17, log.client) == 17
    assert wrap(None, log.client) is None
