"""Events that happen at one moment: log lines, scores, and entries of the catalogue."""

from __future__ import annotations

from typing import Any

from turnlog.producers.ids import event_id
from turnlog.producers.isa import is_a
from turnlog.producers.kinds import DEBUG, LOG, SECURITY, Fields, Kind
from turnlog.producers.operations.errors import message_of, trace_of, type_of
from turnlog.producers.operations.operation import Operation, attributes_of
from turnlog.producers.operations.scope import current
from turnlog.producers.operations.snapshot import snapshot
from turnlog.producers.pipe import Pipe

_SEVERITIES = {"debug": (5, "DEBUG"), "info": (9, "INFO"), "security": (13, "WARN"), "error": (17, "ERROR")}
_TOPICS = {"debug": DEBUG, "security": SECURITY}
_SECURITY = (
    "category",
    "owasp_llm",
    "target",
    "verdict",
    "action",
    "outcome",
    "risk_score",
    "detector",
    "rule_id",
    "source_ip",
    "evidence_hash",
)


def emit(pipe: Pipe, kind: Kind, fields: Fields) -> str:
    """Hand over an event of this moment, with what the scope says about where it belongs; return its id."""
    scope = current.get()
    given = fields.get("event_id")
    identity = pipe.ids.event() if given is None else event_id(given)
    trace_id, parent_span_id, _ = scope.place()
    every = {
        "trace_id": trace_id,
        "parent_span_id": parent_span_id,
        **scope.fields,
        **fields,
        "event_id": identity,
    }
    size = 64
    for name, value in fields.items():
        if type(value) is str:
            size += len(value)
        elif value is not None and name != "event_id":
            every[name], more = snapshot(value)
            size += more
    if "attributes" in fields:
        every["attributes"] = attributes_of(scope.fields.get("attributes"), every.get("attributes"))
    pipe.put(kind, every, size)
    return identity


def emit_log(pipe: Pipe, log_type: str, body: Any, fields: Fields) -> str:
    """Hand over a log line; return its id."""
    known = log_type if is_a(log_type, str) else ""
    number, text = _SEVERITIES.get(known, _SEVERITIES["info"])
    fields["log_type"] = log_type
    fields["body"] = body
    fields.setdefault("severity", number)
    fields.setdefault("severity_text", text)
    call_id = current.get().call_id
    if call_id is not None:
        fields.setdefault("call_id", call_id)
    error = fields.pop("exception", None)
    if is_a(error, BaseException):
        fields["exception_type"] = type_of(error)
        fields["exception_message"] = message_of(error)
        fields["trace"] = trace_of(error)
    return emit(pipe, _TOPICS.get(known, LOG), fields)


def emit_security(pipe: Pipe, event: str, body: Any, fields: Fields) -> str:
    """Hand over a security event; return its id."""
    fields["security"] = {"event": event, **{name: fields.pop(name, None) for name in _SECURITY}}
    fields.setdefault("event_name", event)
    return emit_log(pipe, "security", event if body is None else body, fields)


def scored(value: Any) -> Fields:
    """Return a score's value as its record has it: a number, a yes or no, or a label."""
    if is_a(value, bool):
        return {"data_type": "boolean", "value": float(value)}
    if is_a(value, str):
        return {"data_type": "categorical", "label": value}
    return {"data_type": "numeric", "value": value}


def pointing(target: Operation | str | None) -> Fields:
    """Return the fields by which a score points at what it judges."""
    if is_a(target, Operation):
        return target.coordinates()
    return {} if target is None else {"target_event_id": event_id(target)}
