"""Anthropic's messages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from turnlog.producers.integrations.sdk.answer import Answer, Endpoint, Fields, Part, chosen, counts, get, items, text
from turnlog.producers.integrations.sdk.chat import tool_call

_PARAMETERS = {
    "model": "model",
    "messages": "input",
    "system": "system",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "max_tokens": "max_tokens",
    "stop_sequences": "stop",
    "tools": "tools",
}
_ATTRIBUTES = {
    "service_tier": "anthropic.request.service_tier",
    "tool_choice": "gen_ai.request.tool_choice",
    "thinking": "anthropic.request.thinking",
}
_INPUT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def request(body: Mapping[str, Any]) -> Fields:
    """Return the call's fields of a request."""
    return {**chosen(body, _PARAMETERS), "attributes": chosen(body, _ATTRIBUTES)}


def usage(counted: Any) -> Fields | None:
    """Return token counts under the schema's names.

    Anthropic's input tokens lack the cached ones, the schema's have them:
    https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching says how the three add up.
    """
    found = counts(counted, {name: name for name in (*_INPUT, "output_tokens")})
    if not found:
        return None
    if "input_tokens" in found:
        found["input_tokens"] = sum(found.get(name, 0) for name in _INPUT)
    return {
        **found,
        **counts(get(counted, "output_tokens_details"), {"thinking_tokens": "reasoning_output_tokens"}),
        **counts(
            get(counted, "server_tool_use"), {each: each for each in ("web_search_requests", "web_fetch_requests")}
        ),
        **counts(
            get(counted, "cache_creation"),
            {
                "ephemeral_5m_input_tokens": "cache_creation_5m_input_tokens",
                "ephemeral_1h_input_tokens": "cache_creation_1h_input_tokens",
            },
        ),
    }


def response(message: Any) -> Answer:
    """Read a message."""
    parts = [part for each in items(message, "content") if (part := _part(each)) is not None]
    return Answer(
        messages=[{"role": text(message, "role") or "assistant", "parts": parts}],
        finish=[reason] if (reason := text(message, "stop_reason")) else [],
        usage=usage(get(message, "usage")),
        model=text(message, "model"),
        response_id=text(message, "id"),
        attributes=_said(message),
    )


def _said(message: Any) -> Fields:
    found = {
        "anthropic.response.stop_sequence": text(message, "stop_sequence"),
        "anthropic.response.service_tier": text(get(message, "usage"), "service_tier"),
    }
    return {name: value for name, value in found.items() if value}


def _part(block: Any) -> Part | None:
    kind = text(block, "type") or "other"
    if kind == "text":
        return {"type": "text", "content": text(block, "text") or ""}
    if kind == "thinking":
        return {"type": "reasoning", "content": text(block, "thinking") or ""}
    if kind.endswith("tool_use"):
        return tool_call(get(block, "name"), get(block, "input"), get(block, "id"))
    if kind.endswith("tool_result"):
        return {"type": "tool_call_response", "id": get(block, "tool_use_id"), "response": get(block, "content")}
    return {"type": kind}  # redacted thinking and what is yet to come: that it was there


class _Block:
    """One content block's pieces."""

    def __init__(self, block: Any) -> None:
        self.block = block
        self.pieces: list[str] = []

    def part(self) -> Part | None:
        part = _part(self.block)
        if part is None or not self.pieces:
            return part
        joined = "".join(self.pieces)
        if part["type"] == "tool_call":
            return {**part, "arguments": _decoded(joined)}
        return {**part, "content": str(part.get("content") or "") + joined}


def _decoded(arguments: str) -> Any:
    """Return a tool's arguments as a plain answer has them; broken off, they are the text that came."""
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


_DELTAS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}


class MessageAssembly:
    """Puts a streamed message together."""

    def __init__(self, _body: Mapping[str, Any]) -> None:
        self._blocks: dict[Any, _Block] = {}
        self._answer = Answer()
        self._usage: Fields = {}
        self._role = "assistant"

    def add(self, chunk: Any) -> bool:
        """Take an event."""
        kind = text(chunk, "type")
        if kind == "content_block_delta":
            delta = get(chunk, "delta")
            piece = text(delta, _DELTAS.get(text(delta, "type") or "", ""))
            if piece:
                index = get(chunk, "index")
                block = self._blocks.get(index)
                if block is None:
                    block = self._blocks[index] = _Block({"type": "text", "text": ""})
                block.pieces.append(piece)
                return True
        elif kind == "content_block_start":
            block = get(chunk, "content_block")
            self._blocks[get(chunk, "index")] = _Block(block)
            # A tool's name is content; the empty beginning of a text or thought is not.
            return text(block, "type") not in ("text", "thinking") or bool(text(block, "text"))
        elif kind == "message_start":
            message = get(chunk, "message")
            self._answer.model = text(message, "model")
            self._answer.response_id = text(message, "id")
            self._role = text(message, "role") or self._role
            self._count(get(message, "usage"))
        elif kind == "message_delta":
            delta = get(chunk, "delta")
            if reason := text(delta, "stop_reason"):
                self._answer.finish = [reason]
            self._answer.attributes |= _said(delta)
            self._count(get(chunk, "usage"))
        return False

    def _count(self, counted: Any) -> None:
        """Take counts: at the start of the input; at the end they are cumulative, and perhaps of the output only."""
        if counted is None:
            return
        for name in (*_INPUT, "output_tokens", "output_tokens_details", "server_tool_use", "cache_creation"):
            if (count := get(counted, name)) is not None:
                self._usage[name] = count
        self._answer.attributes |= _said({"usage": counted})

    @property
    def complete(self) -> bool:
        """Whether the message has said why it stopped."""
        return bool(self._answer.finish)

    def answer(self) -> Answer:
        """Return what has come so far."""
        parts = [part for _, block in sorted(self._blocks.items()) if (part := block.part()) is not None]
        self._answer.messages = [{"role": self._role, "parts": parts}] if parts else None
        self._answer.usage = usage(self._usage)
        return self._answer


MESSAGE = Endpoint("chat", request, response, MessageAssembly)
