"""Three ways into turnlog without a line of logging: what real SDKs are told and answer is in ClickHouse, and right."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import anthropic
import openai
import pytest
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider

from equalities import rows
from fakes.openai_api import ANSWER, CITY
from fakes.server import SLOW, ModelServer, model_server
from services import RunningStack, StackFactory
from support import eventually
from turnlog.producers import Client, KafkaConnection
from turnlog.producers.integrations.anthropic import wrap as wrap_anthropic
from turnlog.producers.integrations.openai import wrap as wrap_openai
from turnlog.producers.integrations.opentelemetry import TurnlogSpanProcessor

pytestmark = pytest.mark.timeout(300)

QUESTION = "Where is parcel p-9? Write to jane@example.com."
TOOL: Any = {"name": "weather", "input_schema": {"type": "object"}}
FUNCTION: Any = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


class Way(NamedTuple):
    """A way into turnlog.

    Attributes:
        provider: The provider's name that is stored.
        talk: Has a chat: a slow streamed answer, a tool call, an error, by the models large-slow, large and large-429.
        stop: Why the answer and the tool call ended, in the provider's words.
        cached: Input tokens from the cache.
        first_us: The least that the first chunk took: OpenTelemetry's instrumentation counts an empty one, too.
        one_trace: Whether the turn is one trace; OpenTelemetry's spans have one each unless the chatbot has a span.
    """

    provider: str
    talk: Callable[[ModelServer, Client], None]
    stop: tuple[str, str]
    cached: int
    first_us: float = SLOW * 1e6
    one_trace: bool = True


def by_openai(models: ModelServer, client: Client) -> None:
    with openai.OpenAI(base_url=models.url + "/v1", api_key="k", max_retries=0) as bare:
        chat_with_openai(wrap_openai(bare, client, provider="openai"), client)


def chat_with_openai(sdk: openai.OpenAI, client: Client) -> None:
    with client.conversation("c-1", user_key="jane"), client.turn():
        stream = sdk.chat.completions.create(
            model="large-slow",
            messages=[{"role": "user", "content": QUESTION}],
            stream=True,
            stream_options={"include_usage": True},
        )
        assert list(stream)[-1].usage is not None
        asked: Any = [{"role": "user", "content": "weather?"}]
        sdk.chat.completions.create(model="large", messages=asked, tools=[FUNCTION], temperature=0.5)
        with pytest.raises(openai.RateLimitError):
            sdk.chat.completions.create(model="large-429", messages=asked)


def by_anthropic(models: ModelServer, client: Client) -> None:
    with anthropic.Anthropic(base_url=models.url, api_key="k", max_retries=0) as bare:
        sdk = wrap_anthropic(bare, client)
        with client.conversation("c-1", user_key="jane"), client.turn():
            with sdk.messages.stream(
                model="large-slow", max_tokens=50, messages=[{"role": "user", "content": QUESTION}]
            ) as stream:
                assert "".join(stream.text_stream) == "".join(ANSWER)
            asked: Any = [{"role": "user", "content": "weather?"}]
            sdk.messages.create(
                model="large", max_tokens=50, messages=asked, tools=[TOOL], extra_body={"temperature": 0.5}
            )
            with pytest.raises(anthropic.RateLimitError):
                sdk.messages.create(model="large-429", max_tokens=50, messages=asked)


def by_opentelemetry(models: ModelServer, client: Client) -> None:
    spans = TracerProvider(shutdown_on_exit=False)
    spans.add_span_processor(TurnlogSpanProcessor(client))
    instrumentor = OpenAIInstrumentor()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "span_only")
        instrumentor.instrument(tracer_provider=spans)
        try:
            with openai.OpenAI(base_url=models.url + "/v1", api_key="k", max_retries=0) as bare:
                chat_with_openai(bare, client)
        finally:
            instrumentor.uninstrument()
            spans.shutdown()


WAYS = {
    "openai": Way("openai", by_openai, ("stop", "tool_calls"), 8),
    "anthropic": Way("anthropic", by_anthropic, ("end_turn", "tool_use"), 6),
    "opentelemetry": Way("openai", by_opentelemetry, ("stop", "tool_calls"), 8, 0, one_trace=False),
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    factory = StackFactory(tmp_path_factory.mktemp("integrations"))
    try:
        yield factory()
    finally:
        factory.stop_all()


@pytest.fixture(scope="module")
def models() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


@pytest.mark.parametrize("name", WAYS)
def test_what_a_chat_leaves_in_clickhouse(name: str, running: RunningStack, models: ModelServer) -> None:
    way = WAYS[name]
    service = f"bot-{name}"
    client = Client(service, connection=KafkaConnection(running.kafka))
    way.talk(models, client)
    assert client.close(60).complete
    answered, called, failed = eventually(lambda: stored(running, service), 60) or []
    for row in (answered, called, failed):
        assert row["provider_name"] == way.provider
        assert row["operation_name"] == "chat"
        assert row["conversation_id"] == "c-1"
        assert row["user_key"]
        assert row["turn_id"]
        assert row["turn_id"] == answered["turn_id"]
        assert (row["trace_id"] == answered["trace_id"]) is (way.one_trace or row is answered)

    assert (answered["request_model"], answered["status"], answered["finish_reasons"]) == (
        "large-slow",
        "ok",
        [way.stop[0]],
    )
    assert answered["response_model"].startswith("large-slow-2026")
    assert (answered["usage_input_tokens"], answered["usage_output_tokens"]) == (20, 9)
    assert answered["usage_cache_read_input_tokens"] == way.cached
    assert way.first_us <= answered["time_to_first_chunk_us"] <= answered["duration_us"]
    assert answered["input_text"].startswith("Where is parcel p-9? Write to <EMAIL:")
    assert answered["output_text"] == "".join(ANSWER)

    assert (called["request_model"], called["status"], called["finish_reasons"]) == ("large", "ok", [way.stop[1]])
    assert called["request_temperature"] == 0.5
    assert called["time_to_first_chunk_us"] is None
    assert "weather" in called["tool_definitions"]
    (message,) = json.loads(called["output_messages"])
    part = next(each for each in message["parts"] if each["type"] == "tool_call")
    assert part["name"] == "weather"
    assert (part["arguments"] if isinstance(part["arguments"], dict) else json.loads(part["arguments"])) == CITY

    assert (failed["request_model"], failed["status"]) == ("large-429", "error")
    assert failed["error_type"].endswith("RateLimitError")
    assert failed["input_text"] == "weather?"
    assert running.turnlog("account", "--wait", "30", check=False).returncode == 0


def stored(running: RunningStack, service: str) -> list[dict[str, Any]] | None:
    """The chat's rows in their order, once all three are there."""
    found = rows(
        running,
        f"SELECT *, input_text, output_text FROM calls FINAL WHERE service_name = '{service}' ORDER BY start_time",
    )
    for row in found:
        for name, value in row.items():
            if isinstance(value, str) and value.isdigit() and name.startswith(("usage_", "time_to", "duration")):
                row[name] = int(value)
    return found if len(found) == 3 else None
