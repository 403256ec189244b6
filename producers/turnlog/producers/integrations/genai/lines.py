"""Log records that are no event of a call, as lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turnlog.producers.integrations.genai.belonging import BELONGING, belonging_of
from turnlog.producers.integrations.genai.reading import first
from turnlog.producers.integrations.genai.values import Happening
from turnlog.producers.integrations.lines import Line, understand

_FIELDS = {
    "exception_type": ("exception.type",),
    "exception_message": ("exception.message",),
    "exception_stacktrace": ("exception.stacktrace",),
    "code_file": ("code.file.path", "code.filepath"),
    "code_line": ("code.line.number", "code.lineno"),
    "code_function": ("code.function.name", "code.function"),
}
_TAKEN = frozenset(name for names in _FIELDS.values() for name in names) | BELONGING | {"event.name"}

_INFO = 9


def line_of(event: Happening) -> tuple[Line, Any]:
    """Return a log record as a line, and its body.

    Types, known fields and security events are as in :func:`turnlog.producers.integrations.lines.understand`.
    """
    number = event.severity if event.severity is not None and 1 <= event.severity <= 24 else _INFO
    loose = {name: value for name, value in event.attributes.items() if isinstance(name, str) and name not in _TAKEN}
    line = understand(_level(number), loose)
    fields = line.fields
    inherited = dict(event.scope)
    shared = inherited.pop("attributes", None)
    for name, value in {**inherited, **belonging_of(event.attributes)}.items():
        fields.setdefault(name, value)
    if isinstance(shared, Mapping):
        fields["attributes"] = {**shared, **fields.get("attributes", {})}
    for field, names in _FIELDS.items():
        value = first(event.attributes, *names)
        if value is not None:
            fields.setdefault(field, value)
    fields["severity"] = number
    if event.severity_text:
        fields["severity_text"] = event.severity_text
    if event.origin:
        fields["logger"] = event.origin
    fields.setdefault("event_name", event.name or first(event.attributes, "event.name"))
    fields.setdefault("event_time", event.time_us)
    if event.trace_id is not None:
        fields.setdefault("trace_id", event.trace_id)
        fields.setdefault("parent_span_id", event.span_id)
    body = event.name if event.body is None else event.body
    return line, body


def _level(number: int) -> int:
    """Return the standard library's level for a severity number."""
    return (5, 10, 20, 30, 40, 50)[(number - 1) // 4]
