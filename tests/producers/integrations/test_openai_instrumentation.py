"""OpenAI's SDK, instrumented by OpenTelemetry's own package, against a server that speaks OpenAI's protocol."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.trace import TracerProvider

from turnlog.producers.integrations.opentelemetry import TurnlogLogProcessor, TurnlogSpanProcessor
from turnlog.schemas import Datum
from workbench import Bench

CALL = {"id": "call_1", "type": "function", "function": {"name": "find_parcel", "arguments": '{"number": "p-9"}'}}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1_700_000_000,
    "status": "completed",
    "model": "gpt-4o-2024-08-06",
    "output": [
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "It is on its way.", "annotations": []}],
        },
        {
            "id": "fc_1",
            "type": "function_call",
            "call_id": "call_1",
            "name": "find_parcel",
            "arguments": '{"number": "p-9"}',
            "status": "completed",
        },
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 14,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 6,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 20,
    },
}
USAGE = {"prompt_tokens": 14, "completion_tokens": 6, "total_tokens": 20}


class _Handler(BaseHTTPRequestHandler):
    """Answers by the last message: "call", "429", "500" or "break" ask for that, anything else for an answer."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/embeddings"):
            data = [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}]
            usage = {"prompt_tokens": 3, "total_tokens": 3}
            self._send(200, {"object": "list", "data": data, "model": "embed-3-small-01", "usage": usage})
            return
        if self.path.endswith("/responses"):
            self._send(200, RESPONSE)
            return
        asked = request["messages"][-1]["content"]
        if asked in ("429", "500"):
            self._send(int(asked), {"error": {"message": f"status {asked}", "type": "server_error", "code": "c"}})
        elif request.get("stream"):
            self._stream(asked)
        else:
            self._send(200, self._answer(asked))

    def _answer(self, asked: str) -> dict[str, Any]:
        called = asked == "call"
        message = {"role": "assistant", "content": None if called else "It is on its way."}
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": "gpt-4o-2024-08-06",
            "choices": [
                {
                    "index": 0,
                    "message": message | ({"tool_calls": [CALL]} if called else {}),
                    "finish_reason": "tool_calls" if called else "stop",
                }
            ],
            "usage": USAGE,
        }

    def _stream(self, asked: str) -> None:
        function = CALL["function"]
        if asked == "call":
            deltas: list[dict[str, Any]] = [
                {"role": "assistant", "tool_calls": [{**CALL, "index": 0, "function": {**function, "arguments": ""}}]},  # type: ignore[dict-item] # of one dict's several types
                {"tool_calls": [{"index": 0, "function": {"arguments": function["arguments"]}}]},  # type: ignore[index] # same
            ]
        else:
            deltas = [{"role": "assistant", "content": ""}, {"content": "It is "}, {"content": "on its way."}]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for delta in deltas:
            self._chunk([{"index": 0, "delta": delta, "finish_reason": None}])
            if asked == "break" and delta.get("content"):
                self._event({"error": {"message": "the model broke", "type": "server_error"}})
                return
        self._chunk([{"index": 0, "delta": {}, "finish_reason": "tool_calls" if asked == "call" else "stop"}])
        self._chunk([], usage=USAGE)
        self.wfile.write(b"data: [DONE]\n\n")

    def _chunk(self, choices: list[Any], **more: Any) -> None:
        head = {"id": "chatcmpl-2", "object": "chat.completion.chunk", "created": 1_700_000_000}
        self._event({**head, "model": "gpt-4o-2024-08-06", "choices": choices, **more})

    def _event(self, event: Any) -> None:
        self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        self.wfile.flush()

    def _send(self, status: int, answer: Any) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def openai_server() -> Iterator[str]:
    """Serve on loopback; yield the base URL that OpenAI's client takes."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Chatbot:
    """A chatbot that knows OpenAI's SDK and OpenTelemetry, and turnlog only for its conversations."""

    def __init__(self, bench: Bench, url: str, *, asynchronous: bool, wait: float) -> None:
        self.bench = bench
        self.asynchronous = asynchronous
        self.url = url
        self.spans = TracerProvider(shutdown_on_exit=False)
        self.spans.add_span_processor(TurnlogSpanProcessor(bench.client))
        self.logs = LoggerProvider(shutdown_on_exit=False)
        self.logs.add_log_record_processor(TurnlogLogProcessor(bench.client, wait=wait, schedule_delay_millis=20))

    def ask(self, question: str, **options: Any) -> Datum:
        """Ask a question, in a conversation, and return what was recorded of it."""
        messages = [{"role": "system", "content": "be nice"}, {"role": "user", "content": question}]
        request: dict[str, Any] = {
            "model": "gpt-4o",
            "messages": messages,
            "temperature": 0.25,
            "tools": [TOOL],
        } | options
        with self.bench.client.conversation("c-1", user_key="jane"), self.bench.client.turn("t-1"):
            if self.asynchronous:
                asyncio.run(self._asked(request))
            else:
                with OpenAI(base_url=self.url, api_key="k", max_retries=0) as client:
                    answer = client.chat.completions.create(**request)
                    if request.get("stream"):
                        list(answer)
        return self.call()

    async def _asked(self, request: dict[str, Any]) -> None:
        async with AsyncOpenAI(base_url=self.url, api_key="k", max_retries=0) as client:
            answer = await client.chat.completions.create(**request)
            if request.get("stream"):
                async for _ in answer:
                    pass

    def call(self) -> Datum:
        self.spans.force_flush()  # though the messages may not be there yet
        return self.bench.only("ModelCall")

    def close(self) -> None:
        self.spans.shutdown()
        self.logs.shutdown()


TOOL = {"type": "function", "function": {"name": "find_parcel", "parameters": {"type": "object"}}}


@pytest.fixture(params=["span_only", "event_only", "span_and_event"])
def capture(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def asynchronous(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def chatbot(bench: Bench, capture: str, asynchronous: bool, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chatbot]:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", capture)
    instrumentor = OpenAIInstrumentor()
    with openai_server() as url:
        bot = Chatbot(bench, url, asynchronous=asynchronous, wait=0.01 if capture == "no_content" else 60)
        instrumentor.instrument(tracer_provider=bot.spans, logger_provider=bot.logs)
        try:
            yield bot
        finally:
            instrumentor.uninstrument()
            bot.close()


def said(call: Datum, name: str) -> Any:
    return json.loads(call[name] or "null")


def test_an_answer(chatbot: Chatbot) -> None:
    call = chatbot.ask("hello")
    expected = {
        "provider_name": "openai",
        "operation_name": "chat",
        "request_model": "gpt-4o",
        "response_model": "gpt-4o-2024-08-06",
        "response_id": "chatcmpl-1",
        "status": "ok",
        "finish_reasons": ["stop"],
        "usage_input_tokens": 14,
        "usage_output_tokens": 6,
        "request_temperature": 0.25,
        "conversation_id": "c-1",
        "turn_id": "t-1",
        "user_key": "jane",
        "time_to_first_chunk_us": None,
    }
    assert {name: call[name] for name in expected} == expected
    assert [each["parts"][0]["content"] for each in said(call, "input_messages")] == ["be nice", "hello"]
    (answer,) = said(call, "output_messages")
    assert answer == {
        "role": "assistant",
        "parts": [{"type": "text", "content": "It is on its way."}],
        "finish_reason": "stop",
    }
    assert said(call, "tool_definitions")[0]["name"] == "find_parcel"


def test_a_streamed_answer(chatbot: Chatbot) -> None:
    call = chatbot.ask("hello", stream=True, stream_options={"include_usage": True})
    assert (call["status"], call["finish_reasons"]) == ("ok", ["stop"])
    assert (call["usage_input_tokens"], call["usage_output_tokens"]) == (14, 6)
    assert (call["request_model"], call["response_model"]) == ("gpt-4o", "gpt-4o-2024-08-06")
    assert said(call, "output_messages")[0]["parts"] == [{"type": "text", "content": "It is on its way."}]
    first = call["time_to_first_chunk_us"]
    assert first is not None
    assert 0 < first <= call["duration_us"]


@pytest.mark.parametrize("stream", [False, True])
def test_tool_calls(chatbot: Chatbot, stream: bool) -> None:
    call = chatbot.ask("call", stream=stream)
    (answer,) = said(call, "output_messages")
    assert answer["parts"] == [
        {"type": "tool_call", "id": "call_1", "name": "find_parcel", "arguments": {"number": "p-9"}}
    ]
    assert len(call["finish_reasons"]) == 1
    assert call["finish_reasons"][0].startswith("tool_call")


@pytest.mark.parametrize(("asked", "error"), [("429", openai.RateLimitError), ("500", openai.InternalServerError)])
def test_errors(chatbot: Chatbot, asked: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        chatbot.ask(asked)
    call = chatbot.call()
    assert (call["status"], call["error_type"]) == ("error", f"openai.{error.__name__}")
    assert f"status {asked}" in call["error_message"]
    assert said(call, "input_messages")[-1]["parts"][0]["content"] == asked
    assert call["output_messages"] is None
    assert call["conversation_id"] == "c-1"


def test_a_stream_that_breaks_keeps_the_part_that_came(chatbot: Chatbot) -> None:
    with pytest.raises(openai.APIError):
        chatbot.ask("break", stream=True)
    call = chatbot.call()
    assert (call["status"], call["error_type"], call["error_message"]) == (
        "error",
        "openai.APIError",
        "the model broke",
    )
    assert said(call, "output_messages")[0]["parts"] == [{"type": "text", "content": "It is "}]
    assert call["time_to_first_chunk_us"] is not None


@pytest.mark.parametrize(("capture", "asynchronous"), [("no_content", False)], indirect=True)
def test_without_content_there_is_the_rest(chatbot: Chatbot) -> None:
    call = chatbot.ask("hello")
    assert (call["input_messages"], call["output_messages"]) == (None, None)
    assert (call["usage_output_tokens"], call["finish_reasons"]) == (6, ["stop"])


@pytest.mark.parametrize(("capture", "asynchronous"), [("span_only", False)], indirect=True)
def test_embeddings_are_a_step(chatbot: Chatbot) -> None:
    with OpenAI(base_url=chatbot.url, api_key="k") as client:
        client.embeddings.create(model="embed-3-small", input="parcel")
    chatbot.spans.force_flush()
    step = chatbot.bench.only("Step")
    assert (step["kind"], step["name"], step["status"]) == ("embedding", "embed-3-small", "ok")
    assert step["attributes"]["gen_ai.usage.input_tokens"] == "3"


def test_the_responses_api(chatbot: Chatbot) -> None:
    async def respond() -> None:
        async with AsyncOpenAI(base_url=chatbot.url, api_key="k") as client:
            await client.responses.create(model="gpt-4o", instructions="be nice", input="where is p-9?")

    with chatbot.bench.client.conversation("c-1"):
        if chatbot.asynchronous:
            asyncio.run(respond())
        else:
            with OpenAI(base_url=chatbot.url, api_key="k") as client:
                client.responses.create(model="gpt-4o", instructions="be nice", input="where is p-9?")
    call = chatbot.call()
    assert (call["request_model"], call["response_model"], call["response_id"]) == (
        "gpt-4o",
        "gpt-4o-2024-08-06",
        "resp_1",
    )
    assert (call["usage_input_tokens"], call["usage_cache_read_input_tokens"]) == (14, 4)
    assert (call["usage_output_tokens"], call["usage_reasoning_output_tokens"]) == (6, 2)
    assert said(call, "system_instructions") == [{"type": "text", "content": "be nice"}]
    assert said(call, "input_messages")[0]["parts"][0]["content"] == "where is p-9?"
    parts = [part for message in said(call, "output_messages") for part in message["parts"]]
    assert [part["type"] for part in parts] == ["text", "tool_call"]
    assert (parts[0]["content"], parts[1]["name"], parts[1]["id"]) == ("It is on its way.", "find_parcel", "call_1")
    assert call["conversation_id"] == "c-1"
