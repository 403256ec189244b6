"""Whatever is asked and answered: the caller gets it as it is, and one call is recorded."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recordings import Log
from turnlog.producers.integrations import anthropic, openai

NAMES = st.sampled_from(
    [
        *(
            "model",
            "messages",
            "input",
            "choices",
            "message",
            "delta",
            "content",
            "tool_calls",
            "function",
            "index",
            "id",
        ),
        *(
            "usage",
            "prompt_tokens",
            "input_tokens",
            "output",
            "type",
            "text",
            "response",
            "status",
            "content_block",
            "n",
        ),
        *(
            "name",
            "arguments",
            "finish_reason",
            "stop_reason",
            "item",
            "output_index",
            "role",
            "system",
            "tools",
            "stop",
        ),
    ]
)
KINDS = st.sampled_from(
    [
        *("message", "function_call", "reasoning", "response.completed", "response.output_item.done", "error", "text"),
        *("response.output_text.delta", "content_block_start", "content_block_delta", "message_start", "message_delta"),
    ]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | KINDS | st.builds(object),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)
PATHS = st.sampled_from(["/chat/completions", "/responses", "/completions", "/embeddings", "/v1/messages?beta=true"])


class Chunks:
    """A stream of anything, as far as a wrapper knows one."""

    def __init__(self, chunks: list[Any]) -> None:
        self._iterator = iter(chunks)
        self.response = SimpleNamespace()

    def __next__(self) -> Any:
        return next(self._iterator)


class Sdk:
    """A client that answers anything, or raises it."""

    base_url = "http://127.0.0.1/v1"

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def request(self, cast_to: Any, options: Any) -> Any:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


class AsyncSdk(Sdk):
    async def request(self, cast_to: Any, options: Any) -> Any:
        return super().request(cast_to, options)


def ask(sdk: Any, path: str, body: Any) -> Any:
    options = SimpleNamespace(method="post", url=path, json_data=body, extra_json=None)
    answer = sdk.request(None, options)
    return asyncio.run(answer) if asyncio.iscoroutine(answer) else answer


def wrapped(kind: type[Sdk], path: str, answer: Any, log: Log) -> Any:
    wrap = anthropic.wrap if "messages" in path else openai.wrap
    return wrap(kind(answer), log.client)


@pytest.mark.parametrize("kind", [Sdk, AsyncSdk])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=PATHS, body=ANYTHING, answer=ANYTHING)
def test_any_answer(log: Log, kind: type[Sdk], path: str, body: Any, answer: Any) -> None:
    before = len(log.calls())
    assert ask(wrapped(kind, path, answer, log), path, body) is answer
    assert len(log.calls()) == before + 1


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=PATHS, body=ANYTHING, chunks=st.lists(ANYTHING, max_size=8))
def test_any_stream(log: Log, path: str, body: Any, chunks: list[Any]) -> None:
    before = len(log.calls())
    stream = ask(wrapped(Sdk, path, Chunks(chunks), log), path, body)
    for each in chunks:
        assert next(stream) is each
    with pytest.raises(StopIteration):
        next(stream)
    assert len(log.calls()) == before + 1


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=PATHS, body=ANYTHING, told=ANYTHING)
def test_any_error(log: Log, path: str, body: Any, told: Any) -> None:
    error = RuntimeError("no")
    error.body = error.status_code = error.completion = told  # type: ignore[attr-defined] # as SDKs' errors have them
    before = len(log.calls())
    with pytest.raises(RuntimeError) as caught:
        ask(wrapped(Sdk, path, error, log), path, body)
    assert caught.value is error
    assert len(log.calls()) == before + 1
