"""Spans to records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from turnlog.producers.fields import Status
from turnlog.producers.ids import event_id
from turnlog.producers.integrations.genai.belonging import BELONGING, belonging_of
from turnlog.producers.integrations.genai.content import FINISH, SYSTEM, TOOLS, Content, content_of, is_content
from turnlog.producers.integrations.genai.operation import (
    KIND,
    PROVIDER,
    REQUEST_MODEL,
    REQUEST_TYPE,
    RESPONSE_MODEL,
    operation_of,
)
from turnlog.producers.integrations.genai.reading import first, text
from turnlog.producers.integrations.genai.steps import NAMED, documents_of, name_of, said_in
from turnlog.producers.integrations.genai.usage import (
    PARAMETERS,
    TOTALS,
    chunks_of,
    cost_of,
    first_chunk_of,
    is_usage,
    parameters_of,
    request_of,
    usage_of,
)
from turnlog.producers.integrations.genai.values import DETAILS, EVALUATION, Attributes, Happening, Record, Span
from turnlog.producers.kinds import Fields

_RESPONSE_ID = ("gen_ai.response.id", "llm.response.id")
_AGENT = ("gen_ai.agent.name", "agent.name")
_PROMPT = ("gen_ai.prompt.name", "traceloop.prompt.key", "langfuse.observation.prompt.name")
_PROMPT_VERSION = (
    "gen_ai.prompt.version",
    "traceloop.prompt.version",
    "langfuse.observation.prompt.version",
    "llm.prompt_template.version",
)
_CALL_ONLY = frozenset(
    [*REQUEST_MODEL, *RESPONSE_MODEL, *_RESPONSE_ID, *_AGENT, *_PROMPT, *_PROMPT_VERSION, *PROVIDER, *PARAMETERS]
)
_ALWAYS = frozenset({"gen_ai.operation.name", "error.type", *KIND, *REQUEST_TYPE, *BELONGING})
"""Attributes that are fields, of a call and of any record."""

_AGENTS = frozenset({SYSTEM, TOOLS, *FINISH})
"""Attributes that are fields of a call only, and of interest in an agent's step."""


def identity(trace_id: str | None, span_id: str | None) -> str:
    """Return the event id of a span's record: always the same, so that a span that is exported twice counts once."""
    return event_id(f"{trace_id}:{span_id}")


def records_of(span: Span, said: Sequence[Happening] = (), *, every: bool = False) -> list[Record]:
    """Return what a span is recorded as: a call or a step, and the scores among its events.

    Args:
        span: The span.
        said: Log records about it, such as those with a call's messages.
        every: Whether a span that has nothing to do with generative AI is a step, of kind other; else it is nothing.
    """
    attributes = span.attributes
    for event in said:
        if event.name == DETAILS:
            attributes = {**event.attributes, **attributes}
    span = span._replace(attributes=attributes)
    happened = sorted((*span.events, *said), key=lambda event: event.time_us)
    operation = operation_of(attributes)
    scores = [
        score_of(event._replace(trace_id=span.trace_id, span_id=span.span_id), str(number), span)
        for number, event in enumerate(span.events)
        if event.name == EVALUATION
    ]
    if operation is not None and operation.what == "call":
        return [_call(span, operation.name, happened), *scores]
    if operation is None and not every:
        return scores
    return [_step(span, operation.name if operation else "other", happened), *scores]


def call_of_event(event: Happening) -> Record:
    """Return the call that an event with its details tells of, where there is no span to say when it began."""
    span_id = event.span_id or ""
    span = Span(
        "", event.trace_id or "", span_id, None, event.time_us, event.time_us, event.attributes, scope=event.scope
    )
    record = _call(span, operation_name(event.attributes), [event])
    if event.trace_id is None or event.span_id is None:
        for name in ("event_id", "trace_id", "span_id"):
            record.fields.pop(name, None)
    return record


def operation_name(attributes: Attributes) -> str:
    """Return the operation of a call."""
    operation = operation_of(attributes)
    return operation.name if operation is not None and operation.what == "call" else "chat"


def score_of(event: Happening, number: str | None = None, span: Span | None = None) -> Record:
    """Return the score that an evaluation's event tells of; it points at the record of the event's span.

    Args:
        event: The event, with the ids of its span.
        number: What tells it from the span's other events; without it the score has an id of its own.
        span: The span, if it is known: the score belongs where it does.
    """
    attributes = event.attributes
    value = first(attributes, "gen_ai.evaluation.score.value")
    label = text(attributes, "gen_ai.evaluation.score.label")
    scope = event.scope if span is None else span.scope
    fields: Fields = {
        **scope,
        **(belonging_of(span.attributes) if span is not None else {}),
        **belonging_of(attributes),
        "name": text(attributes, "gen_ai.evaluation.name") or "evaluation",
        "value": label if value is None else value,
        "label": label,
        "explanation": text(attributes, "gen_ai.evaluation.explanation"),
        "event_time": event.time_us,
        "trace_id": event.trace_id,
        "parent_span_id": event.span_id,
        "attributes": {
            **_shared(scope),
            **{name: each for name, each in attributes.items() if not _is_score(name)},
        },
    }
    if event.trace_id is not None and event.span_id is not None:
        fields["target"] = identity(event.trace_id, event.span_id)
        if number is not None:
            fields["event_id"] = event_id(f"{event.trace_id}:{event.span_id}:score:{number}")
    return Record("score", {name: each for name, each in fields.items() if each is not None}, {})


def _is_score(name: str) -> bool:
    return name in BELONGING or name in {
        "gen_ai.evaluation.name",
        "gen_ai.evaluation.score.value",
        "gen_ai.evaluation.score.label",
        "gen_ai.evaluation.explanation",
    }


def _call(span: Span, operation: str, events: Sequence[Happening]) -> Record:
    attributes = span.attributes
    content: Content = content_of(attributes, events)
    usage = usage_of(attributes)
    rest = _rest(attributes, _CALL_ONLY)
    if "input_tokens" in usage or "output_tokens" in usage:
        rest = {name: value for name, value in rest.items() if name not in TOTALS}
    fields: Fields = {
        **_common(span),
        "provider": (text(attributes, *PROVIDER) or "unknown").lower(),
        "model": _model(attributes),
        "operation": operation,
        "input": content.input,
        "system": content.system,
        "tools": content.tools,
        "agent_name": text(attributes, *_AGENT),
        "prompt_name": text(attributes, *_PROMPT),
        "prompt_version": text(attributes, *_PROMPT_VERSION),
        **request_of(attributes),
        "attributes": rest,
    }
    end: Fields = {
        "output": content.output,
        "finish_reason": content.finish_reasons,
        "response_model": text(attributes, *RESPONSE_MODEL),
        "response_id": text(attributes, *_RESPONSE_ID),
        "usage": usage or None,
        "cost": cost_of(attributes),
        "time_to_first_chunk": first_chunk_of(attributes, span.start_us, span.events),
        "output_chunks": chunks_of(span.events),
    }
    return _ended("call", span, fields, end)


def _model(attributes: Attributes) -> str:
    """Return the model asked for; where that is not said, the one that answered."""
    asked = text(attributes, *REQUEST_MODEL) or text({"model": parameters_of(attributes).get("model")}, "model")
    return asked or text(attributes, *RESPONSE_MODEL) or "unknown"


def _step(span: Span, kind: str, events: Sequence[Happening]) -> Record:
    attributes = span.attributes
    given, returned = said_in(attributes, kind, events)
    fields: Fields = {
        **_common(span),
        "kind": kind,
        "name": name_of(attributes, kind) or span.name or kind,
        "tool_call_id": text(attributes, "gen_ai.tool.call.id", "tool_call.id", "tool.id"),
        "input": given,
        "attributes": _rest(attributes, NAMED.get(kind, frozenset())),
    }
    return _ended("step", span, fields, {"output": returned, "documents": documents_of(attributes, events) or None})


def _common(span: Span) -> Fields:
    return {
        **span.scope,
        **belonging_of(span.attributes),
        "event_id": identity(span.trace_id, span.span_id),
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id,
        "start_time": span.start_us,
        "duration": timedelta(microseconds=max(0, span.end_us - span.start_us)),
        "event_time": span.end_us,
    }


def _rest(attributes: Attributes, fields: frozenset[str]) -> Fields:
    """Return the attributes that are not fields, under their own names."""
    return {
        name: value
        for name, value in attributes.items()
        if isinstance(name, str)
        and name not in fields
        and name not in _ALWAYS
        and (not is_content(name) or (fields is not _CALL_ONLY and name in _AGENTS))
        and not (fields is _CALL_ONLY and is_usage(name, value))
    }


def _shared(scope: Mapping[str, Any]) -> Mapping[Any, Any]:
    """Return the attributes that a scope gives to all inside."""
    shared = scope.get("attributes")
    return shared if isinstance(shared, Mapping) else {}


def _ended(what: Any, span: Span, fields: Fields, end: Fields) -> Record:
    fields["attributes"] = {**_shared(span.scope), **fields["attributes"]}
    if span.origin:
        fields["attributes"].setdefault("otel.scope.name", span.origin)
    fields = {name: value for name, value in fields.items() if value is not None}
    end = {name: value for name, value in end.items() if value is not None}
    error = _error(span)
    return Record(what, fields, end, "ok" if error is None else _status(error[0]), error)


def _error(span: Span) -> tuple[str, str] | None:
    """Return the type and message of the error that ended a span, None if it ended well."""
    said = text(span.attributes, "error.type", "exception.type")
    if said is None and not span.failed:
        return None
    raised: Attributes = next((event.attributes for event in reversed(span.events) if event.name == "exception"), {})
    kind = said or text(raised, "exception.type") or "error"
    message = span.message or text(span.attributes, "error.message", "exception.message")
    return kind, message or text(raised, "exception.message") or ""


def _status(error_type: str) -> Status:
    name = error_type.lower()
    if "timeout" in name or "timedout" in name or name in ("timed_out", "deadline_exceeded"):
        return "timeout"
    return "cancelled" if "cancel" in name else "error"
