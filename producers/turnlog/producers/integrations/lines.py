"""What the loose fields of a log line mean: known names become the record's fields, the rest its attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from turnlog.producers.client import Client
from turnlog.producers.coerce import UnfitError, to_text
from turnlog.producers.fields import LogFields, LogType, SecurityFields
from turnlog.producers.kinds import Fields

FIELDS = frozenset(
    {
        "call_id",
        "conversation_id",
        "event_name",
        "event_time",
        "fingerprint",
        "model_version_id",
        "parent_span_id",
        "request_id",
        "retention_days",
        "session_id",
        "span_id",
        "tenant",
        "trace_id",
        "turn_id",
        "user_key",
    }
)
"""Names that mean to a line what they mean to :meth:`turnlog.producers.Client.log`.

Not ``event_id``: people use the name for ids of their own that repeat, and two lines of one id would count as one.
"""

SECURITY_FIELDS = frozenset(SecurityFields.__annotations__) - frozenset(LogFields.__annotations__)
"""Names that a line has only if it is a security event."""


class Line(NamedTuple):
    """A log line, understood.

    Attributes:
        log_type: Which of the four types; security if there is an event.
        fields: Keyword arguments of :meth:`turnlog.producers.Client.log`.
        event: The security event's name; None if the line is no security event.
    """

    log_type: LogType
    fields: Fields
    event: str | None


def type_of_level(level: int) -> LogType:
    """Return the type of a line of one of the standard library's levels: 20 is INFO, 40 ERROR."""
    if level >= 40:
        return "error"
    return "info" if level >= 20 else "debug"


def severity_of_level(level: int) -> int:
    """Return OpenTelemetry's severity number: DEBUG 5, INFO 9, WARNING 13, ERROR 17, CRITICAL 21; 1 to 24.

    Levels in between come in between, as in OpenTelemetry's own handler; below DEBUG is TRACE.
    """
    if level < 10:
        return 1 + max(0, level) // 3
    tens = min(level // 10, 5)
    return 1 + tens * 4 + min(level - tens * 10, 3)


_SEVERITIES = {level: severity_of_level(level) for level in range(0, 60, 10)}
"""Those of the named levels."""


def understand(level: int, loose: Mapping[str, Any], *, security: bool = False, name: str = "") -> Line:
    """Sort a line's loose fields.

    A line is a security event if it has a field ``security`` (the event's name, a mapping with ``event`` and what else
    is known, or True) or ``security_event`` (its name), or if the caller says so.

    Args:
        level: Its level, as the standard library numbers them.
        loose: Its fields by name.
        security: Whether its logger logs security events only.
        name: What to call the event if nothing else names it.
    """
    fields: Fields = {"severity": _SEVERITIES.get(level) or severity_of_level(level)}
    if not loose and not security:
        return Line(type_of_level(level), fields, None)
    attributes: Fields = {}
    given, event = loose.get("security"), loose.get("security_event")
    told: Mapping[Any, Any] = given if isinstance(given, Mapping) else {}
    secure = security or event is not None or bool(told) or given is True or isinstance(given, str)
    for key, value in loose.items():
        if key in FIELDS or (secure and key in SECURITY_FIELDS):
            fields[key] = value
        elif key == "tenant_id":
            fields["tenant"] = value
        elif key == "attributes" and isinstance(value, Mapping):
            attributes.update(value)
        elif not (secure and key in ("security", "security_event")):
            attributes[key] = value
    if attributes:
        fields["attributes"] = attributes
    if not secure:
        return Line(type_of_level(level), fields, None)
    fields.update((key, value) for key, value in told.items() if key in SECURITY_FIELDS)
    first = next(
        (each for each in (event, told.get("event"), given, fields.get("event_name")) if isinstance(each, str)), name
    )
    return Line("security", fields, first)


def write(client: Client, line: Line, body: Any) -> None:
    """Hand a line to a client; never blocks or raises."""
    if line.event is None:
        client.log(line.log_type, body, **cast("LogFields", line.fields))
    else:
        client.security(line.event, body, **cast("SecurityFields", line.fields))


def readable(value: Any) -> str:
    """Return a value as text, whatever it does when it is asked."""
    try:
        return to_text(value)
    except UnfitError:
        return f"<{type(value).__name__}>"
