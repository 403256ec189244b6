"""Where the texts of a record are and what they are about, derived from its schema once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, NamedTuple

from turnlog.producers.coerce import UnfitError, to_items, to_mapping, to_text
from turnlog.schemas import load

TextKind = Literal[
    "system",
    "input",
    "output",
    "tool_arguments",
    "tool_result",
    "tools",
    "document",
    "log_body",
    "exception",
    "score",
    "attribute",
    "identity",
    "other",
]
"""What a text is:

``system``, ``input``, ``output``: what a model or step was told, asked, and answered; ``tool_arguments``,
``tool_result``: what a tool was called with, and returned; ``tools``: what tools there are; ``document``: a passage
that a retrieval returned;
``log_body``: a line and its template; ``exception``: messages and tracebacks; ``score``: explanations and corrections;
``attribute``: an attribute's value or name; ``identity``: users, sessions, conversations, turns, requests, addresses;
``other``: names of models, tools, loggers, prompts, reasons and the like.
"""

Shape = Literal["text", "messages", "parts", "json", "list", "map", "records", "record"]
"""How texts stand in a field: one; JSON of messages, of their parts, or of anything; an array, a map; an array of
records; a record."""

Group = Literal["content", "logs"]


class Text(NamedTuple):
    """A field that holds text.

    Attributes:
        name: The field.
        kind: What its texts are.
        shape: How they stand in it.
        group: Which of a tenant's two captures it belongs to, if any.
        inner: Names of the fields that hold text in the records that it holds.
    """

    name: str
    kind: TextKind
    shape: Shape
    group: Group | None
    inner: tuple[str, ...] = ()


_KNOWN: dict[str, dict[str, tuple[TextKind, Shape, Group | None]]] = {
    "ModelCall": {
        "system_instructions": ("system", "parts", "content"),
        "input_messages": ("input", "messages", "content"),
        "output_messages": ("output", "messages", "content"),
        "tool_definitions": ("tools", "json", "content"),
    },
    "Step": {
        "input": ("input", "json", "content"),
        "output": ("output", "json", "content"),
        "documents": ("document", "records", "content"),
    },
    "LogRecord": {"body": ("log_body", "text", "logs"), "template": ("log_body", "text", None)},
    "Score": {
        "label": ("score", "text", None),
        "explanation": ("score", "text", "content"),
        "correction": ("score", "text", "content"),
    },
}
_ANYWHERE: dict[str, tuple[TextKind, Shape, Group | None]] = {
    "error_message": ("exception", "text", "logs"),
    "exception_message": ("exception", "text", "logs"),
    "exception_stacktrace": ("exception", "text", "logs"),
    "attributes": ("attribute", "map", None),
    **dict.fromkeys(
        ("user_key", "session_id", "conversation_id", "turn_id", "request_id", "actor"), ("identity", "text", None)
    ),
}
_NO_TEXT = frozenset(
    {
        "tenant_id",
        "service_name",
        "service_version",
        "service_instance_id",
        "environment",
        "sdk_name",
        "sdk_version",
        "redaction_rules",
        "redaction_withheld",
        "cost_source",
    }
)
"""What the client or its settings say, and what later stages fill in."""


@cache
def texts_of(record: str) -> tuple[Text, ...]:
    """Return the fields of a record that hold text, in order."""
    known = _KNOWN.get(record, {})
    found = []
    for field in load(record).definition["fields"]:
        name = str(field["name"])
        kind = field["type"][1] if isinstance(field["type"], list) else field["type"]
        shape = _shape(kind)
        if name in _NO_TEXT or shape is None:
            continue
        said = known.get(name) or _ANYWHERE.get(name) or ("other", shape, None)
        found.append(Text(name, *said, inner=_inner(kind)))
    return tuple(found)


def _inner(kind: Any) -> tuple[str, ...]:
    if not isinstance(kind, Mapping):
        return ()
    record = kind["items"] if kind["type"] == "array" else kind
    fields = record.get("fields", ()) if isinstance(record, Mapping) else ()
    return tuple(str(each["name"]) for each in fields if each["type"] in ("string", ["null", "string"]))


def _shape(kind: Any) -> Shape | None:
    if kind == "string":
        return "text"
    if not isinstance(kind, Mapping) or "logicalType" in kind:
        return None
    match kind["type"]:
        case "array":
            return "list" if kind["items"] == "string" else "records" if isinstance(kind["items"], Mapping) else None
        case "map":
            return "map" if kind["values"] == "string" else None
        case "record":
            return "record"
        case _:
            return None


ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{16}|[0-9a-f]{32}")
"""An id that turnlog or the W3C standard makes, which holds nothing but chance."""


def texts_in(value: Any) -> list[str]:
    """Return the texts of an array, as the encoder writes them.

    Raises:
        UnfitError: If it can't be gone through.
    """
    return [text for each in to_items(value) if (text := _text_or_none(each)) is not None]


def pairs_in(value: Any) -> dict[str, str]:
    """Return the texts of a map, as the encoder writes them.

    Raises:
        UnfitError: If it is no mapping.
    """
    pairs = ((_text_or_none(key), _text_or_none(each)) for key, each in to_mapping(value).items())
    return {key: each for key, each in pairs if key is not None and each is not None}


def records_in(text: Text, value: Any) -> list[dict[str, Any]]:
    """Return the records that a field holds, one or many, their texts as the encoder writes them.

    Raises:
        UnfitError: If they can't be gone through.
    """
    records = []
    for each in to_items(value) if text.shape == "records" else (value,):
        record = dict(to_mapping(each))
        for name in text.inner:
            if record.get(name) is not None:
                record[name] = _text_or_none(record[name])
        records.append(record)
    return records


def _text_or_none(value: Any) -> str | None:
    try:
        return value if type(value) is str else to_text(value)
    except UnfitError:
        return None
