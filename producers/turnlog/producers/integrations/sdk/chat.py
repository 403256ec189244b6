"""OpenAI's chat completions, and what compatible servers add to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turnlog.producers.integrations.sdk.answer import (
    Answer,
    Endpoint,
    Fields,
    Part,
    chosen,
    counts,
    get,
    held,
    items,
    text,
)

_PARAMETERS = {
    "model": "model",
    "messages": "input",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
    "stop": "stop",
    "functions": "tools",
    "tools": "tools",
}
_ATTRIBUTES = {
    "n": "gen_ai.request.choice.count",
    "reasoning_effort": "gen_ai.request.reasoning_effort",
    "service_tier": "openai.request.service_tier",
    "tool_choice": "gen_ai.request.tool_choice",
}
_RESPONSE_ATTRIBUTES = {
    "service_tier": "openai.response.service_tier",
    "system_fingerprint": "openai.response.system_fingerprint",
}
_REASONING = ("reasoning_content", "reasoning")
"""OpenAI keeps reasoning to itself; DeepSeek and vLLM say it by the first name, OpenRouter and Groq by the second."""


def request(body: Mapping[str, Any]) -> Fields:
    """Return the call's fields of a request."""
    attributes = chosen(body, _ATTRIBUTES)
    form = get(body.get("response_format"), "type")
    if isinstance(form, str):
        attributes["gen_ai.output.type"] = "text" if form == "text" else "json"
    return {**chosen(body, _PARAMETERS), "attributes": attributes}


def usage(counted: Any) -> Fields | None:
    """Return token counts under the schema's names: totals include cached, audio and reasoning tokens."""
    if counted is None:
        return None
    counted = held(counted)
    given, written = counted.get("prompt_tokens_details"), counted.get("completion_tokens_details")
    found = {
        **counts(counted, _TOTALS),
        **counts(given, _OF_INPUT),
        **counts(written, _OF_OUTPUT),
    }
    return found or None


_TOTALS = {
    "prompt_tokens": "input_tokens",
    "completion_tokens": "output_tokens",
    "prompt_cache_hit_tokens": "cache_read_input_tokens",  # DeepSeek's name; where the usual one is there too it wins
}
_OF_INPUT = {
    "cached_tokens": "cache_read_input_tokens",
    "cache_write_tokens": "cache_creation_input_tokens",
    "audio_tokens": "input_audio_tokens",
    "image_tokens": "input_image_tokens",
}
_OF_OUTPUT = {
    "reasoning_tokens": "reasoning_output_tokens",
    "audio_tokens": "output_audio_tokens",
    "accepted_prediction_tokens": "accepted_prediction_tokens",
    "rejected_prediction_tokens": "rejected_prediction_tokens",
}


def tool_call(name: Any, arguments: Any, call_id: Any = None) -> Part:
    """Return a tool call as a part."""
    part = {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}
    return {key: value for key, value in part.items() if value is not None}


def response(completion: Any) -> Answer:
    """Read a chat completion."""
    given = held(completion)
    choices = [held(each) for each in items(given, "choices")]
    return Answer(
        messages=[_message(each.get("message")) for each in choices],
        finish=[reason for each in choices if (reason := text(each, "finish_reason"))],
        usage=usage(given.get("usage")),
        model=text(given, "model"),
        response_id=text(given, "id"),
        attributes=said(given),
    )


def said(response_or_chunk: Any) -> Fields:
    """Return what a response or chunk says of itself."""
    given = held(response_or_chunk)
    return {ours: value for theirs, ours in _RESPONSE_ATTRIBUTES.items() if isinstance(value := given.get(theirs), str)}


def _message(given: Any) -> dict[str, Any]:
    message = held(given)
    parts: list[Part] = []
    present = {name: value for name, value in message.items() if value}  # most of what a message may have is not there
    for name in _REASONING:
        if name in present and (reasoning := text(present, name)):
            parts.append({"type": "reasoning", "content": reasoning})
            break
    if content := present.get("content"):
        parts.append({"type": "text", "content": content if isinstance(content, str) else list(content)})
    if "refusal" in present and (refusal := text(present, "refusal")):
        parts.append({"type": "refusal", "content": refusal})
    if "audio" in present and (transcript := text(present["audio"], "transcript")):
        parts.append({"type": "text", "content": transcript, "modality": "audio"})
    if "tool_calls" in present:
        parts += [_tool(each) for each in items(present, "tool_calls")]
    if function := present.get("function_call"):
        parts.append(tool_call(get(function, "name"), get(function, "arguments")))
    return {"role": text(present, "role") or "assistant", "parts": parts}


def _tool(call: Any) -> Part:
    function, custom = get(call, "function"), get(call, "custom")
    if function is None and custom is not None:
        return tool_call(get(custom, "name"), get(custom, "input"), get(call, "id"))
    return tool_call(get(function, "name"), get(function, "arguments"), get(call, "id"))


class _Choice:
    """One choice's pieces."""

    def __init__(self) -> None:
        self.reasoning: list[str] = []
        self.texts: list[str] = []
        self.refusal: list[str] = []
        self.spoken: list[str] = []
        self.tools: dict[Any, tuple[list[str], list[str], list[str]]] = {}  # id, name and arguments by index
        self.finish: str | None = None
        self._pieces = (
            ("content", self.texts),
            ("refusal", self.refusal),
            *((name, self.reasoning) for name in _REASONING),
        )

    def add(self, given: Any) -> bool:
        delta = held(given)
        found = False
        for name, pieces in self._pieces:
            piece = delta.get(name)
            if piece and isinstance(piece, str):
                pieces.append(piece)
                found = True
        audio = delta.get("audio")
        if audio is not None:
            if piece := text(audio, "transcript"):
                self.spoken.append(piece)
            found = True
        for call in delta.get("tool_calls") or ():
            self._tool(get(call, "index"), get(call, "id"), get(call, "function") or get(call, "custom"))
            found = True
        if function := delta.get("function_call"):
            self._tool("function_call", None, function)
            found = True
        return found

    def _tool(self, index: Any, call_id: Any, function: Any) -> None:
        if index is None:
            # Some servers leave the index out: a new id begins a new call, and what has none goes on with the last.
            index = call_id or next(reversed(self.tools), 0)
        ids, names, arguments = self.tools.setdefault(index, ([], [], []))
        for piece, pieces in ((call_id, ids), (text(function, "name"), names)):
            if piece and piece not in pieces:
                pieces.append(piece)
        if piece := text(function, "arguments") or text(function, "input"):
            arguments.append(piece)

    def message(self) -> dict[str, Any]:
        parts: list[Part] = []
        for kind, pieces in (("reasoning", self.reasoning), ("text", self.texts), ("refusal", self.refusal)):
            if pieces:
                parts.append({"type": kind, "content": "".join(pieces)})
        if self.spoken:
            parts.append({"type": "text", "content": "".join(self.spoken), "modality": "audio"})
        for ids, names, arguments in self.tools.values():
            parts.append(tool_call("".join(names), "".join(arguments), "".join(ids[:1]) or None))
        return {"role": "assistant", "parts": parts}


class ChatAssembly:
    """Puts a streamed chat completion together."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        n = body.get("n")
        self._expected = n if type(n) is int else 1
        self._choices: dict[int, _Choice] = {}
        self._answer = Answer()

    def add(self, chunk: Any) -> bool:
        """Take a chunk."""
        answer, given = self._answer, held(chunk)
        if answer.model is None:
            answer.model, answer.response_id = text(given, "model"), text(given, "id")
            answer.attributes = said(given)
        counted = given.get("usage")
        if counted is not None:
            answer.usage = usage(counted) or answer.usage
        found = False
        for each in items(given, "choices"):
            part = held(each)
            index = part.get("index") or 0
            choice = self._choices.get(index)
            if choice is None:
                choice = self._choices[index] = _Choice()
            found = choice.add(part.get("delta")) or found
            choice.finish = text(part, "finish_reason") or choice.finish
        return found

    @property
    def complete(self) -> bool:
        """Whether every choice has said why it ended."""
        return sum(each.finish is not None for each in self._choices.values()) >= self._expected

    def answer(self) -> Answer:
        """Return what has come so far."""
        choices = [choice for _, choice in sorted(self._choices.items())]
        self._answer.messages = [each.message() for each in choices]
        self._answer.finish = [each.finish for each in choices if each.finish is not None]
        return self._answer


CHAT = Endpoint("chat", request, response, ChatAssembly)
