"""What OpenAI's API would answer, for a few questions: pure functions of a request's body.

The last user's text decides: "weather" asks for a tool, "refuse" is refused, "think" is thought about, "too long" stops
at a limit; else it is :data:`ANSWER`. Counts are the same for every question.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

ANSWER = ("It is ", "on ", "its way.")
CITY = {"city": "Paris"}
USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 9,
    "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 0},
}
RESPONSE_USAGE = {
    "input_tokens": 20,
    "input_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 0},
    "output_tokens": 9,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 29,
}


def asked(body: dict[str, Any]) -> str:
    """The last user's text."""
    given = body.get("messages", body.get("input", body.get("prompt", "")))
    if isinstance(given, list) and given and isinstance(given[-1], dict):
        given = given[-1].get("content", "")
    if isinstance(given, list) and given and isinstance(given[-1], dict):
        given = given[-1].get("text", "")
    return given if isinstance(given, str) else ""


def _answer(body: dict[str, Any]) -> tuple[str, ...]:
    form = body.get("response_format") or (body.get("text") or {}).get("format") or {}
    return ('{"city"', ': "Paris"}') if form.get("type") == "json_schema" else ANSWER


def chat(body: dict[str, Any]) -> dict[str, Any]:
    """A chat completion."""
    question = asked(body)
    message: dict[str, Any] = {"role": "assistant", "content": "".join(_answer(body)), "refusal": None}
    reason = "stop"
    if "weather" in question:
        call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": json.dumps(CITY)}}
        message |= {"content": None, "tool_calls": [call]}
        reason = "tool_calls"
    elif "refuse" in question:
        message |= {"content": None, "refusal": "I can't help with that."}
    elif "too long" in question:
        reason = "length"
    elif "think" in question:
        message["reasoning_content"] = "A parcel moves."
    choices = [
        {"index": index, "message": message, "finish_reason": reason, "logprobs": None}
        for index in range(body.get("n") or 1)
    ]
    return {**_head(body, "chat.completion"), "choices": choices, "usage": USAGE}


def _head(body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": kind,
        "created": 1_760_000_000,
        "model": body["model"] + "-2026-01-01",
        "system_fingerprint": "fp_1",
        "service_tier": "default",
    }


def chat_chunks(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A streamed chat completion's chunks; the first has no content."""
    head = _head(body, "chat.completion.chunk")
    question = asked(body)

    def chunk(index: int, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": index, "delta": delta, "finish_reason": reason, "logprobs": None}]}

    for index in range(body.get("n") or 1):
        yield chunk(index, {"role": "assistant", "content": ""})
        if "weather" in question:
            call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}
            yield chunk(index, {"tool_calls": [call]})
            for piece in ('{"city"', ': "Paris"}'):
                yield chunk(index, {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
            yield chunk(index, {}, "tool_calls")
            continue
        if "refuse" in question:
            for piece in ("I can't ", "help with that."):
                yield chunk(index, {"refusal": piece})
        else:
            if "think" in question:
                yield chunk(index, {"reasoning_content": "A parcel moves."})
            for piece in _answer(body):
                yield chunk(index, {"content": piece})
        yield chunk(index, {}, "stop")
    if (body.get("stream_options") or {}).get("include_usage"):
        yield {**head, "choices": [], "usage": USAGE}


def completion(body: dict[str, Any]) -> dict[str, Any]:
    """A legacy completion."""
    choice = {"index": 0, "text": "".join(ANSWER), "finish_reason": "stop", "logprobs": None}
    return {**_head(body, "text_completion"), "choices": [choice], "usage": USAGE}


def completion_chunks(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A streamed legacy completion's chunks."""
    for number, piece in enumerate(ANSWER):
        reason = "stop" if number == len(ANSWER) - 1 else None
        choice = {"index": 0, "text": piece, "finish_reason": reason, "logprobs": None}
        yield {**_head(body, "text_completion"), "choices": [choice]}


def embeddings(body: dict[str, Any]) -> dict[str, Any]:
    """One vector for each text."""
    given = body["input"] if isinstance(body["input"], list) else [body["input"]]
    data = [{"object": "embedding", "index": index, "embedding": [0.25, 0.5]} for index in range(len(given))]
    return {
        "object": "list",
        "data": data,
        "model": body["model"] + "-2026-01-01",
        "usage": {"prompt_tokens": 5, "total_tokens": 5},
    }


def response(body: dict[str, Any]) -> dict[str, Any]:
    """A response."""
    return {**_response(body, "completed"), "output": _items(body), "usage": RESPONSE_USAGE}


def _response(body: dict[str, Any], status: str) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_760_000_000,
        "model": body["model"] + "-2026-01-01",
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "metadata": {},
        "output": [],
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "service_tier": "default",
    }


def _items(body: dict[str, Any]) -> list[dict[str, Any]]:
    question = asked(body)
    items: list[dict[str, Any]] = []
    if "think" in question:
        summary = [{"type": "summary_text", "text": "A parcel moves."}]
        items.append({"type": "reasoning", "id": "rs_1", "summary": summary})
    if "weather" in question:
        call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "status": "completed"}
        items.append({**call, "arguments": json.dumps(CITY)})
    else:
        content: dict[str, Any] = {"type": "output_text", "text": "".join(_answer(body)), "annotations": []}
        if "refuse" in question:
            content = {"type": "refusal", "refusal": "I can't help with that."}
        message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
        items.append({**message, "content": [content]})
    return items


def response_events(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A streamed response's events."""
    events = _response_events(body)
    for number, event in enumerate(events):
        yield {**event, "sequence_number": number}


def _response_events(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"type": "response.created", "response": _response(body, "in_progress")}
    yield {"type": "response.in_progress", "response": _response(body, "in_progress")}
    for index, item in enumerate(_items(body)):
        where = {"item_id": item["id"], "output_index": index}
        if item["type"] == "message":
            part = item["content"][0]
            kind = part["type"]
            name = "text" if kind == "output_text" else "refusal"
            here = {**where, "content_index": 0}
            yield _added(index, {**item, "content": [], "status": "in_progress"})
            yield {"type": "response.content_part.added", **here, "part": {**part, name: ""}}
            text = part[name]
            for piece in (text[:6], text[6:]):
                yield {"type": f"response.{kind}.delta", **here, "delta": piece, "logprobs": []}
            yield {"type": f"response.{kind}.done", **here, name: text, "logprobs": []}
            yield {"type": "response.content_part.done", **here, "part": part}
        elif item["type"] == "function_call":
            kind = "response.function_call_arguments"
            yield _added(index, {**item, "arguments": "", "status": "in_progress"})
            for piece in (item["arguments"][:5], item["arguments"][5:]):
                yield {"type": f"{kind}.delta", **where, "delta": piece}
            yield {"type": f"{kind}.done", **where, "arguments": item["arguments"], "name": item["name"]}
        else:
            text = item["summary"][0]["text"]
            yield _added(index, {**item, "summary": []})
            yield {"type": "response.reasoning_summary_text.delta", **where, "summary_index": 0, "delta": text}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": "response.completed", "response": response(body)}


def _added(index: int, item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": index, "item": item}
