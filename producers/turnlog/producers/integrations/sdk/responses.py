"""OpenAI's Responses API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turnlog.producers.integrations.sdk.answer import Answer, Endpoint, Fields, Part, chosen, counts, get, items, text
from turnlog.producers.integrations.sdk.chat import said, tool_call

_PARAMETERS = {
    "model": "model",
    "input": "input",
    "instructions": "system",
    "temperature": "temperature",
    "top_p": "top_p",
    "max_output_tokens": "max_tokens",
    "tools": "tools",
}
_ATTRIBUTES = {
    "service_tier": "openai.request.service_tier",
    "tool_choice": "gen_ai.request.tool_choice",
    "previous_response_id": "openai.request.previous_response_id",
    "background": "openai.request.background",
}
_FINISH = {"max_output_tokens": "length"}
"""Why an incomplete response ended, where chat completions have another word for it."""


def request(body: Mapping[str, Any]) -> Fields:
    """Return the call's fields of a request."""
    attributes = chosen(body, _ATTRIBUTES)
    form, effort = text(get(body.get("text"), "format"), "type"), text(body.get("reasoning"), "effort")
    if form:
        attributes["gen_ai.output.type"] = "text" if form == "text" else "json"
    if effort:
        attributes["gen_ai.request.reasoning_effort"] = effort
    fields = {"model": "", **chosen(body, _PARAMETERS), "attributes": attributes}
    prompt = body.get("prompt")
    if prompt is not None:
        fields |= {ours: value for theirs, ours in _PROMPT.items() if (value := text(prompt, theirs))}
    return fields


_PROMPT = {"id": "prompt_name", "version": "prompt_version"}


def usage(counted: Any) -> Fields | None:
    """Return token counts under the schema's names."""
    if counted is None:
        return None
    found = {
        **counts(counted, {"input_tokens": "input_tokens", "output_tokens": "output_tokens"}),
        **counts(
            get(counted, "input_tokens_details"),
            {"cached_tokens": "cache_read_input_tokens", "cache_write_tokens": "cache_creation_input_tokens"},
        ),
        **counts(get(counted, "output_tokens_details"), {"reasoning_tokens": "reasoning_output_tokens"}),
    }
    return found or None


def response(answered: Any) -> Answer:
    """Read a response, whatever its status."""
    parts = [part for each in items(answered, "output") for part in _parts(each)]
    return Answer(
        messages=[{"role": "assistant", "parts": parts}] if parts else None,
        finish=_finish(answered, parts),
        usage=usage(get(answered, "usage")),
        model=text(answered, "model"),
        response_id=text(answered, "id"),
        attributes=said(answered),
        failure=_failure(answered),
    )


def _finish(answered: Any, parts: list[Part]) -> list[str]:
    status = text(answered, "status")
    if status == "incomplete":
        reason = text(get(answered, "incomplete_details"), "reason") or "incomplete"
        return [_FINISH.get(reason, reason)]
    if status in (None, "completed"):
        return ["tool_calls" if any(each["type"] == "tool_call" for each in parts) else "stop"]
    return [status] if status else []


def _failure(answered: Any) -> tuple[str, str] | None:
    if text(answered, "status") != "failed":
        return None
    error = get(answered, "error")
    return text(error, "code") or "failed", text(error, "message") or ""


def _parts(item: Any) -> list[Part]:
    """Return an output item as parts."""
    kind = text(item, "type") or "other"
    if kind == "message":
        return [part for each in items(item, "content") if (part := _content(each)) is not None]
    if kind == "reasoning":
        said_aloud = [text(each, "text") or "" for each in (*items(item, "summary"), *items(item, "content"))]
        return [{"type": "reasoning", "content": "\n".join(said_aloud)}] if said_aloud else []
    if kind in ("function_call", "custom_tool_call", "mcp_call"):
        arguments = get(item, "arguments")
        return [
            tool_call(
                get(item, "name"),
                get(item, "input") if arguments is None else arguments,
                get(item, "call_id") or get(item, "id"),
            )
        ]
    # What the provider ran itself, such as a web search: that it did, not the pages or images that it got.
    known = {"type": kind, "id": get(item, "id"), "status": get(item, "status")}
    return [{name: value for name, value in known.items() if value is not None}]


def _content(content: Any) -> Part | None:
    if (written := text(content, "text")) is not None:
        return {"type": "text", "content": written}
    if (refusal := text(content, "refusal")) is not None:
        return {"type": "refusal", "content": refusal}
    return None


_DELTAS = {
    "response.output_text.delta": "text",
    "response.refusal.delta": "refusal",
    "response.reasoning_summary_text.delta": "reasoning",
    "response.reasoning_text.delta": "reasoning",
    "response.function_call_arguments.delta": "arguments",
    "response.custom_tool_call_input.delta": "arguments",
    "response.mcp_call_arguments.delta": "arguments",
    "response.audio.transcript.delta": "text",
}
_LAST = ("response.completed", "response.incomplete", "response.failed")


class ResponseAssembly:
    """Puts a streamed response together; its last event holds all of it, but it may not get that far."""

    def __init__(self, _body: Mapping[str, Any]) -> None:
        self._items: dict[Any, Any] = {}
        self._done: set[Any] = set()
        self._pieces: dict[Any, dict[str, list[str]]] = {}
        self._started: Any = None
        self._final: Any = None
        self._error: tuple[str, str] | None = None

    def add(self, chunk: Any) -> bool:
        """Take an event."""
        kind = text(chunk, "type") or ""
        if name := _DELTAS.get(kind):
            if piece := text(chunk, "delta"):
                self._pieces.setdefault(get(chunk, "output_index"), {}).setdefault(name, []).append(piece)
                return True
        elif kind in ("response.output_item.added", "response.output_item.done"):
            index = get(chunk, "output_index")
            self._items[index] = get(chunk, "item")
            if kind.endswith("done"):
                self._done.add(index)
            return text(self._items[index], "type") not in ("message", "reasoning", None)
        elif kind in _LAST:
            self._final = get(chunk, "response")
        elif kind == "error":
            self._error = text(chunk, "code") or "error", text(chunk, "message") or ""
        elif kind.startswith("response.") and self._started is None:
            self._started = get(chunk, "response")
        return False

    @property
    def complete(self) -> bool:
        """Whether the last event has come."""
        return self._final is not None

    def answer(self) -> Answer:
        """Return what has come so far."""
        if self._final is not None:
            answer = response(self._final)
            if answer.messages is None:
                answer.messages = self._so_far()
            return answer
        begun = self._started
        return Answer(
            messages=self._so_far(),
            model=text(begun, "model"),
            response_id=text(begun, "id"),
            attributes=said(begun),
            failure=self._error,
        )

    def _so_far(self) -> list[dict[str, Any]] | None:
        parts: list[Part] = []
        for index in sorted(self._items.keys() | self._pieces.keys(), key=lambda each: each or 0):
            item, pieces = self._items.get(index), self._pieces.get(index, {})
            if index in self._done:
                parts += _parts(item)
            elif "arguments" in pieces:
                parts.append(tool_call(get(item, "name"), "".join(pieces["arguments"]), get(item, "call_id")))
            else:
                parts += [{"type": kind, "content": "".join(each)} for kind, each in pieces.items()]
        return [{"role": "assistant", "parts": parts}] if parts else None


RESPONSE = Endpoint("chat", request, response, ResponseAssembly)
