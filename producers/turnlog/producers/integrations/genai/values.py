"""What spans and events are here: plain values, whoever made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from turnlog.producers.fields import Status
from turnlog.producers.kinds import Fields

Attributes = Mapping[str, Any]

DETAILS = "gen_ai.client.inference.operation.details"
"""The event that repeats a call's attributes, with its messages."""

EVALUATION = "gen_ai.evaluation.result"
"""The event that judges an answer."""

CHOICE = "gen_ai.choice"

ROLES = {f"gen_ai.{role}.message": role for role in ("system", "developer", "user", "assistant", "tool")}
"""Events of older conventions, one for each message that a model is given, and the role in it."""

PROMPT, COMPLETION = "gen_ai.content.prompt", "gen_ai.content.completion"
"""Events of even older ones, with all messages in an attribute."""

MESSAGES = frozenset({DETAILS, CHOICE, PROMPT, COMPLETION, *ROLES})
"""Names of events that hold what was said in a call."""


class Happening(NamedTuple):
    """Something that happened at a moment: an event of a span, or a log record.

    Attributes:
        name: Its name; empty for a line that is no event.
        time_us: When, in microseconds since 1970 UTC.
        attributes: What is known.
        body: What a log record says.
        trace_id: Trace it belongs to, 32 hexadecimal digits.
        span_id: Span it belongs to, 16 hexadecimal digits.
        severity: OpenTelemetry's severity number.
        severity_text: The severity as its source calls it.
        origin: Name of the instrumentation scope or logger.
        scope: Common fields from the conversation and turn in which it happened.
    """

    name: str
    time_us: int
    attributes: Attributes
    body: Any = None
    trace_id: str | None = None
    span_id: str | None = None
    severity: int | None = None
    severity_text: str | None = None
    origin: str | None = None
    scope: Mapping[str, Any] = {}


class Span(NamedTuple):
    """A span that has ended.

    Attributes:
        name: Its name.
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
        parent_span_id: The span around it, here or in a caller.
        start_us: When it started, in microseconds since 1970 UTC.
        end_us: When it ended.
        attributes: What is known.
        events: What happened inside.
        failed: Whether its status is an error.
        message: What its status says.
        origin: Name of the instrumentation scope.
        scope: Common fields from the conversation and turn in which it started.
    """

    name: str
    trace_id: str
    span_id: str
    parent_span_id: str | None
    start_us: int
    end_us: int
    attributes: Attributes
    events: Sequence[Happening] = ()
    failed: bool = False
    message: str | None = None
    origin: str | None = None
    scope: Mapping[str, Any] = {}


class Record(NamedTuple):
    """What is to be recorded.

    Attributes:
        what: Which of the client's methods takes it.
        fields: Keyword arguments for its start; ``name``, ``kind``, ``provider`` and the like among them.
        end: Keyword arguments for its end.
        status: How it ended.
        error: Type and message of the error, if it did not end well.
    """

    what: Literal["call", "step", "score"]
    fields: Fields
    end: Fields
    status: Status = "ok"
    error: tuple[str, str] | None = None
