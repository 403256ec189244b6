"""What was said in a call: messages from whichever convention has them.

The result is as OpenAI's API or OpenTelemetry writes messages, and :mod:`turnlog.producers.texts.messages` makes one of
both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeGuard

from turnlog.producers.integrations.genai.flattened import (
    openinference_choices,
    openinference_messages,
    openinference_prompts,
    openinference_tools,
    traceloop_functions,
    traceloop_messages,
)
from turnlog.producers.integrations.genai.reading import first, numbered, parsed
from turnlog.producers.integrations.genai.values import (
    CHOICE,
    COMPLETION,
    DETAILS,
    PROMPT,
    ROLES,
    Attributes,
    Happening,
)

INPUT, OUTPUT = "gen_ai.input.messages", "gen_ai.output.messages"
SYSTEM = "gen_ai.system_instructions"
TOOLS = "gen_ai.tool.definitions"
FINISH = (
    "gen_ai.response.finish_reasons",
    "gen_ai.response.finish_reason",
    "llm.response.finish_reason",
    "llm.finish_reason",
)
_EVENTS = ("events", "all_messages_events")
"""Attributes in which some frameworks list the events of older conventions, as JSON."""

_LEGACY_INPUT = ("gen_ai.prompt", "llm.prompts", "traceloop.entity.input", "input.value")
_LEGACY_OUTPUT = ("gen_ai.completion", "llm.completions", "traceloop.entity.output", "output.value")

_EXACT = frozenset(
    {
        INPUT,
        OUTPUT,
        SYSTEM,
        TOOLS,
        *FINISH,
        *_EVENTS,
        *_LEGACY_INPUT,
        *_LEGACY_OUTPUT,
        "input.mime_type",
        "output.mime_type",
        "gen_ai.retrieval.query.text",
        "gen_ai.retrieval.documents",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
        "reranker.query",
        "tool.parameters",
    }
)
_LISTS = (
    "gen_ai.prompt.",
    "gen_ai.completion.",
    "llm.prompts.",
    "llm.completions.",
    "llm.choices.",
    "llm.input_messages.",
    "llm.output_messages.",
    "llm.tools.",
    "llm.request.functions.",
    "retrieval.documents.",
    "reranker.input_documents.",
    "reranker.output_documents.",
    "embedding.embeddings.",
)


_IN_A_LIST = re.compile(r"\.[0-9]").search


class Content(NamedTuple):
    """What was said in a call; what is not known is None.

    Attributes:
        input: Messages that the model was given.
        output: Messages that it answered, one for each choice.
        system: System instructions apart from the messages.
        tools: Definitions of tools that it might call.
        finish_reasons: Why each choice ended.
    """

    input: Any = None
    output: Any = None
    system: Any = None
    tools: Any = None
    finish_reasons: Any = None


@lru_cache(4096)
def is_content(name: str) -> bool:
    """Whether an attribute holds what was said, which has its own fields."""
    if name in _EXACT:
        return True
    return any(name.startswith(prefix) and name[len(prefix) : len(prefix) + 1].isdigit() for prefix in _LISTS)


def has_content(attributes: Attributes) -> bool:
    """Whether attributes hold messages."""
    return any(
        isinstance(name, str) and name not in FINISH and name != TOOLS and is_content(name) for name in attributes
    )


def completes(events: Iterable[Happening]) -> bool:
    """Whether there is an event after which no other with content is expected."""
    return any(event.name in (DETAILS, CHOICE, COMPLETION) for event in events)


def content_of(attributes: Attributes, events: Sequence[Happening] = ()) -> Content:
    """Return what was said, from a call's attributes and, where they do not say it, from events."""
    listed = parsed(first(attributes, *_EVENTS))
    happened = (
        [*events, *(_as_event(each) for each in listed if isinstance(each, Mapping))] if _is_list(listed) else events
    )
    # Most spans have no flattened list, and those that have are not to be gone through for each.
    flat = {name: value for name, value in attributes.items() if isinstance(name, str) and _IN_A_LIST(name)}
    output = _output(attributes, flat, happened)
    return Content(
        _input(attributes, flat, happened),
        output,
        parsed(first(attributes, SYSTEM)),
        _tools(attributes, flat),
        _finish_reasons(attributes, output),
    )


def _input(attributes: Attributes, flat: Attributes, events: Sequence[Happening]) -> Any:
    return _first_said(
        lambda: parsed(first(attributes, INPUT)),
        lambda: [_event_message(event, ROLES[event.name]) for event in events if event.name in ROLES],
        lambda: _messages_in(events, PROMPT, "gen_ai.prompt"),
        lambda: traceloop_messages(numbered(flat, "gen_ai.prompt") or numbered(flat, "llm.prompts")),
        lambda: openinference_messages(numbered(flat, "llm.input_messages")),
        lambda: openinference_prompts(numbered(flat, "llm.prompts")),
        lambda: _messages(parsed(first(attributes, *_LEGACY_INPUT)), "messages"),
    )


def _output(attributes: Attributes, flat: Attributes, events: Sequence[Happening]) -> Any:
    return _first_said(
        lambda: parsed(first(attributes, OUTPUT)),
        lambda: [_choice(event) for event in sorted(filter(_is_choice, events), key=_index)],
        lambda: _messages_in(events, COMPLETION, "gen_ai.completion"),
        lambda: traceloop_messages(numbered(flat, "gen_ai.completion") or numbered(flat, "llm.completions")),
        lambda: openinference_messages(numbered(flat, "llm.output_messages")),
        lambda: openinference_choices(numbered(flat, "llm.choices")),
        lambda: _messages(parsed(first(attributes, *_LEGACY_OUTPUT)), "choices"),
    )


def _first_said(*ways: Callable[[], Any]) -> Any:
    for way in ways:
        said = way()
        if said is not None and not (isinstance(said, str | list | tuple) and not said):
            return said
    return None


def _tools(attributes: Attributes, flat: Attributes) -> Any:
    tools = _first_said(
        lambda: parsed(first(attributes, TOOLS)),
        lambda: openinference_tools(numbered(flat, "llm.tools")),
        lambda: traceloop_functions(numbered(flat, "llm.request.functions")),
    )
    return tools if tools is None or _is_list(tools) else [tools]


def _finish_reasons(attributes: Attributes, output: Any) -> Any:
    said = parsed(first(attributes, *FINISH))
    if said is not None and not (_is_list(said) and not said):
        return said
    if not _is_list(output):
        return None
    return [each["finish_reason"] for each in output if isinstance(each, Mapping) and each.get("finish_reason")] or None


def _is_list(value: Any) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    return isinstance(value, list | tuple)


def _is_choice(event: Happening) -> bool:
    return event.name == CHOICE


def _said_by(event: Happening) -> dict[str, Any]:
    """Return what an event says: in the body of a log record, in an attribute with its JSON, or in its attributes."""
    for body in (event.body, parsed(event.attributes.get("gen_ai.event.content"))):
        if isinstance(body, Mapping):
            return dict(body)
        if isinstance(body, str) and body:
            return {"content": body}
    known = ("role", "content", "tool_calls", "id", "name", "message", "finish_reason", "index", "function_call")
    return {name: parsed(event.attributes[name]) for name in known if name in event.attributes}


def _event_message(event: Happening, role: str) -> Any:
    said = _said_by(event)
    if role == "tool" and "id" in said:
        said["tool_call_id"] = said.pop("id")
    return {"role": role, **said}


def _choice(event: Happening) -> Any:
    said = _said_by(event)
    message = said.pop("message", None)
    if message is None:
        message = {name: value for name, value in said.items() if name not in ("index", "finish_reason")}
    told = dict(message) if isinstance(message, Mapping) else {"content": message}
    reason = said.get("finish_reason")
    return {"role": "assistant", **told, **({"finish_reason": reason} if reason else {})}


def _index(event: Happening) -> int:
    index = _said_by(event).get("index")
    return index if isinstance(index, int) else 0


def _as_event(listed: Mapping[Any, Any]) -> Happening:
    name = listed.get("event.name")
    body = {
        key: value
        for key, value in listed.items()
        if isinstance(key, str) and not key.startswith(("event.", "gen_ai."))
    }
    return Happening(name if isinstance(name, str) else "", 0, {}, body)


def _messages_in(events: Sequence[Happening], name: str, attribute: str) -> Any:
    for event in events:
        if event.name == name:
            return parsed(first(event.attributes, attribute, "gen_ai.event.content")) or event.body
    return None


def _messages(said: Any, key: str) -> Any:
    """Return the messages in a whole request or response; a text or a list of messages is what it is."""
    if not isinstance(said, Mapping):
        return said
    inside = said.get(key)
    if _is_list(inside):
        return [each.get("message", each) if isinstance(each, Mapping) else each for each in inside]
    return said if "role" in said or "content" in said else [{"parts": [{"type": "other", "content": said}]}]
