"""Spans in the words of several conventions, and what becomes of them."""

from __future__ import annotations

import json
from typing import Any

from turnlog.producers.integrations.genai import Happening, Span, records_of, write
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

BARE = {"gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o"}
