"""Streams of a wrapped OpenAI client: passed on as they are, and recorded once, however they end."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap

import openai
import pytest
from openai import OpenAI, Stream
from openai.types.chat import ChatCompletionChunk

from fakes.openai_api import ANSWER
from fakes.server import SLOW, ModelServer
from openai_chats import HELLO, TEXT, WEATHER, parts
from recordings import Log


def test_a_stream_is_passed_on_and_recorded(sdk: OpenAI, log: Log) -> None:
    stream = sdk.chat.completions.create(
        model="m-slow", messages=WEATHER, stream=True, stream_options={"include_usage": True}
    )
    assert type(stream) is Stream
    assert stream.response.status_code == 200
    assert log.calls() == []
    first = next(stream)
    assert type(first) is ChatCompletionChunk
    assert len(list(stream)) == 5
    event = log.call()
    assert (event["status"], event["finish_reasons"], event["output_chunks"]) == ("ok", ["tool_calls"], 3)
    assert (event["usage_input_tokens"], event["usage_output_tokens"]) == (20, 9)
    first_chunk = event["time_to_first_chunk_us"]
    assert isinstance(first_chunk, int)
    assert SLOW * 1e6 <= first_chunk <= event["duration_us"]
    assert log.said() == [{"type": "tool_call", "id": "call_1", "name": "weather", "arguments": '{"city": "Paris"}'}]


@pytest.mark.parametrize("leave", ["close", "with", "response"])
def test_a_stream_left_early_is_cancelled(sdk: OpenAI, log: Log, leave: str) -> None:
    stream = sdk.chat.completions.create(model="m", messages=HELLO, stream=True)
    for chunk in stream:
        if chunk.choices[0].delta.content:
            break
    if leave == "close":
        stream.close()
    elif leave == "response":
        stream.response.close()
    else:
        with stream:
            pass
    event = log.call()
    assert (event["status"], event["error_type"]) == ("cancelled", "GeneratorExit")
    assert log.said() == [{"type": "text", "content": ANSWER[0]}]
    stream.close()
    assert len(log.calls()) == 1


def test_a_stream_may_be_read_on_after_a_break(sdk: OpenAI, log: Log) -> None:
    stream = sdk.chat.completions.create(model="m", messages=HELLO, stream=True)
    for chunk in stream:
        if chunk.choices[0].delta.content:
            break
    assert log.calls() == []
    list(stream)
    assert log.call()["status"] == "ok"
    assert log.said() == [{"type": "text", "content": TEXT}]


def test_a_stream_closed_after_its_last_word_ended_well(sdk: OpenAI, log: Log) -> None:
    with sdk.chat.completions.create(model="m", messages=HELLO, stream=True) as stream:
        for chunk in stream:
            if chunk.choices[0].finish_reason:
                break
    assert log.call()["status"] == "ok"


def test_a_stream_that_is_dropped_is_recorded_with_the_next_call(sdk: OpenAI, log: Log) -> None:
    stream = sdk.chat.completions.create(model="dropped", messages=HELLO, stream=True)
    next(stream)
    stream.response.close()  # or the connection would be reported as leaked, with and without turnlog
    log.client.flush()
    unread = sdk.chat.completions.create(model="unread", messages=HELLO, stream=True)
    response = unread.response
    del stream, unread
    gc.collect()
    sdk.embeddings.create(model="next", input="x")
    response.close()
    found = {event["request_model"]: event["status"] for event in log.calls()}
    assert found == {"dropped": "cancelled", "unread": "cancelled", "next": "ok"}


@pytest.mark.parametrize(
    ("model", "error_type", "status"),
    [("m-break", "openai.APIConnectionError", "error"), ("m-error", "openai.APIError", "error")],
)
def test_a_stream_that_breaks_keeps_what_came(sdk: OpenAI, log: Log, model: str, error_type: str, status: str) -> None:
    with pytest.raises(openai.APIError):
        list(sdk.chat.completions.create(model=model, messages=HELLO, stream=True))
    event = log.call()
    assert (event["status"], event["error_type"]) == (status, error_type)
    assert log.said() == [{"type": "text", "content": ANSWER[0]}]
    assert event["output_chunks"] == 1


def test_helpers_are_recorded_once(sdk: OpenAI, log: Log) -> None:
    with sdk.chat.completions.stream(model="chat", messages=HELLO) as chat:
        events = [event.type for event in chat]
        assert chat.get_final_completion().choices[0].message.content == TEXT
    assert "content.done" in events
    with sdk.responses.stream(model="response", input="hello") as response:
        assert response.get_final_response().output_text == TEXT
    calls = log.calls()
    assert [(each["request_model"], each["status"], each["output_chunks"]) for each in calls] == [
        ("chat", "ok", 3),
        ("response", "ok", 2),
    ]
    assert all(parts(each) == [[{"type": "text", "content": TEXT}]] for each in calls)


def test_helpers_left_early_are_cancelled(sdk: OpenAI, log: Log) -> None:
    with sdk.chat.completions.stream(model="m", messages=HELLO) as stream:
        next(stream)
    with sdk.responses.stream(model="m", input="hello") as events:
        next(events)
    assert [each["status"] for each in log.calls()] == ["cancelled", "cancelled"]


def test_the_end_of_the_process_ends_what_is_open(models: ModelServer) -> None:
    program = """
        import gc, os, sys
        from openai import OpenAI
        from turnlog.producers.testing import recording_client
        from turnlog.producers.integrations.openai import wrap

        client, recorded = recording_client()
        sdk = wrap(OpenAI(base_url=sys.argv[1], api_key="k"), client)
        stream = sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}], stream=True)
        next(stream)
        if not os.fork():
            del stream  # the parent's to record
            gc.collect()
            recorded.close = lambda: print("child", len(recorded.events("ModelCall")))
            client.info("a life of its own")
        else:
            os.wait()
            recorded.close = lambda: print("parent", *(event["status"] for event in recorded.events("ModelCall")))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), models.url + "/v1"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == ["child 0", "parent cancelled"], done.stderr
