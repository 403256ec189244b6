"""What Anthropic's API would answer, for the questions of :mod:`fakes.openai_api`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fakes.openai_api import ANSWER, CITY, asked

USAGE = {
    "input_tokens": 10,
    "output_tokens": 1,
    "cache_read_input_tokens": 6,
    "cache_creation_input_tokens": 4,
    "service_tier": "standard",
}


def message(body: dict[str, Any]) -> dict[str, Any]:
    """A message."""
    blocks = _blocks(body)
    return {
        **_head(body),
        "content": blocks,
        "stop_reason": _reason(blocks),
        "usage": {**USAGE, "output_tokens": 9},
    }


def _head(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"] + "-20260101",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": USAGE,
    }


def _reason(blocks: list[dict[str, Any]]) -> str:
    return "tool_use" if blocks[-1]["type"] == "tool_use" else "end_turn"


def _blocks(body: dict[str, Any]) -> list[dict[str, Any]]:
    question = asked(body)
    blocks: list[dict[str, Any]] = []
    if "think" in question:
        blocks.append({"type": "thinking", "thinking": "A parcel moves.", "signature": "sig"})
    blocks.append({"type": "text", "text": "".join(ANSWER), "citations": None})
    if "weather" in question:
        blocks.append({"type": "tool_use", "id": "toolu_1", "name": "weather", "input": CITY})
    return blocks


def message_events(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A streamed message's events."""
    blocks = _blocks(body)
    yield {"type": "message_start", "message": _head(body)}
    yield {"type": "ping"}
    for index, block in enumerate(blocks):
        empty = {**block, **{name: value for name, value in _EMPTY.items() if name in block}}
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        for delta in _deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    end = {"stop_reason": _reason(blocks), "stop_sequence": None}
    yield {"type": "message_delta", "delta": end, "usage": {"output_tokens": 9}}
    yield {"type": "message_stop"}


_EMPTY: dict[str, Any] = {"text": "", "thinking": "", "signature": "", "input": {}}


def _deltas(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if block["type"] == "text":
        for piece in ANSWER:
            yield {"type": "text_delta", "text": piece}
    elif block["type"] == "thinking":
        yield {"type": "thinking_delta", "thinking": block["thinking"]}
        yield {"type": "signature_delta", "signature": block["signature"]}
    else:
        arguments = json.dumps(block["input"])
        for piece in ("", arguments[:4], arguments[4:]):
            yield {"type": "input_json_delta", "partial_json": piece}
