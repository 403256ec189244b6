"""Exporters of OpenTelemetry's SDK: spans and log records, to a client."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanContext, StatusCode, TraceFlags, format_span_id, format_trace_id

from turnlog.producers.client import Client
from turnlog.producers.integrations.genai import Happening, Span
from turnlog.producers.integrations.opentelemetry.bridge import bridge_of, default_client
from turnlog.producers.integrations.stdlib_logging import is_about_turnlog

SpanScopes = MutableMapping[tuple[int, int], Mapping[str, Any]]

SCOPE = "turnlog_scope"
"""Attribute of a log record: common fields of the conversation and turn in which it was logged."""


class TurnlogSpanExporter(SpanExporter):
    """Exports spans about generative AI as calls, steps and scores.

    A span's record has an id made of its trace and span ids, so that a span that is exported twice counts once. Calls
    whose messages come in log records are joined with them if the client has a :class:`TurnlogLogExporter`, too.

    Args:
        client: Where to; by default the client that the environment describes.
        every_span: Whether spans that have nothing to do with generative AI are exported, as steps of kind other.
        scopes: Common fields of the conversation and turn in which spans started, by trace and span id; they are taken
            out as the spans come.

    Raises:
        SettingError: If there is no client and the environment does not describe one.
    """

    def __init__(
        self, client: Client | None = None, *, every_span: bool = False, scopes: SpanScopes | None = None
    ) -> None:
        self._client = client or default_client()
        self._scopes: SpanScopes = {} if scopes is None else scopes
        self._bridge = bridge_of(self._client)
        self._bridge.every_span = every_span
        self._bridge.joiner.expecting = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Hand spans to the client; it takes all, or accounts for what it does not take."""
        for span in spans:
            context = span.get_span_context()
            if context is not None:
                self._bridge.span(_span(span, context, self._scopes.pop((context.trace_id, context.span_id), {})))
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Give messages that are on their way a moment to come, and wait until the client has delivered everything."""
        self._bridge.joiner.settle(timeout_millis / 1000)
        return not self._client.flush(timeout_millis / 1000).pending

    def shutdown(self) -> None:
        """Give messages that are on their way a moment to come. Delivering is the client's, and so is the end of it."""
        self._bridge.joiner.settle(self._bridge.joiner.wait)
        self._bridge.joiner.flush(events=True)


class TurnlogLogExporter(LogRecordExporter):
    """Exports log records: messages go to their calls, evaluations become scores, and all others lines.

    Records of turnlog's own loggers and its Kafka client's are left out.

    Args:
        client: Where to; by default the client that the environment describes.
        wait: Seconds that the span of a call waits for its messages.

    Raises:
        SettingError: If there is no client and the environment does not describe one.
    """

    def __init__(self, client: Client | None = None, *, wait: float = 2.0) -> None:
        self._client = client or default_client()
        self._bridge = bridge_of(self._client)
        self._bridge.joiner.wait = wait
        self._bridge.joiner.listening = True

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Hand records to the client; it takes all, or accounts for what it does not take."""
        for each in batch:
            event = _happening(each)
            if event.origin is None or not is_about_turnlog(event.origin):
                self._bridge.record(event, sampled=_is_sampled(each))
        return LogRecordExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Let nothing wait for messages any longer, and wait until the client has delivered everything so far."""
        self._bridge.joiner.flush()
        return not self._client.flush(timeout_millis / 1000).pending

    def shutdown(self) -> None:
        """Let no call wait for messages any longer, for none will come."""
        self._bridge.joiner.listening = False
        self._bridge.joiner.flush()


def _span(span: ReadableSpan, context: SpanContext, scope: Mapping[str, Any]) -> Span:
    start = (span.start_time or 0) // 1000
    return Span(
        name=span.name,
        trace_id=format_trace_id(context.trace_id),
        span_id=format_span_id(context.span_id),
        parent_span_id=format_span_id(span.parent.span_id) if span.parent is not None else None,
        start_us=start,
        end_us=(span.end_time or span.start_time or 0) // 1000,
        attributes=dict(span.attributes or {}),
        events=[Happening(each.name, each.timestamp // 1000, dict(each.attributes or {})) for each in span.events],
        failed=span.status.status_code is StatusCode.ERROR,
        message=span.status.description,
        origin=span.instrumentation_scope.name if span.instrumentation_scope is not None else None,
        scope=scope,
    )


def _is_sampled(readable: ReadableLogRecord) -> bool:
    return bool(int(readable.log_record.trace_flags or 0) & TraceFlags.SAMPLED)


def _happening(readable: ReadableLogRecord) -> Happening:
    record = readable.log_record
    attributes: dict[str, Any] = dict(record.attributes or {})
    name = record.event_name or attributes.get("event.name")
    return Happening(
        name=name if isinstance(name, str) else "",
        time_us=(record.timestamp or record.observed_timestamp or 0) // 1000,
        attributes=attributes,
        body=record.body,
        trace_id=format_trace_id(record.trace_id) if record.trace_id else None,
        span_id=format_span_id(record.span_id) if record.span_id else None,
        severity=record.severity_number.value if record.severity_number is not None else None,
        severity_text=record.severity_text,
        origin=readable.instrumentation_scope.name if readable.instrumentation_scope is not None else None,
        scope=getattr(record, SCOPE, {}),
    )
