"""OpenTelemetry's active span, if the chatbot uses OpenTelemetry: turnlog's events then join its trace.

OpenTelemetry is looked for among the modules that are loaded already and never imported, so that a chatbot without it
pays for one look into a dict.
"""

from __future__ import annotations

import sys
from typing import Any

from turnlog.producers.ids import TraceParent

NONE = 0
"""Span id of no span; W3C forbids it for a real one."""


def active_span() -> Any | None:
    """Return the SpanContext of the span that code here runs in; None outside of one, or without OpenTelemetry."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    try:
        context = trace.get_current_span().get_span_context()
    except Exception:  # noqa: BLE001 - a module that is half imported, or a span of someone's own making
        return None
    return context if getattr(context, "is_valid", False) is True else None


def span_number(context: Any | None) -> int:
    """Return a SpanContext's span id, or :data:`NONE`."""
    return NONE if context is None else int(context.span_id)


def parent_of(context: Any) -> TraceParent:
    """Return a SpanContext as turnlog writes it."""
    return TraceParent(f"{context.trace_id:032x}", f"{context.span_id:016x}")
