"""Processors that also see where spans start and where records are logged: in which conversation and turn."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk._logs import ReadWriteLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import ReadableSpan, Span
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from turnlog.producers.client import Client
from turnlog.producers.integrations.opentelemetry.exporters import SCOPE, TurnlogLogExporter, TurnlogSpanExporter
from turnlog.producers.operations.scope import current

_OPEN = 10_000
"""Most spans whose scope is kept; a span that never ends must not stay for ever."""

_logger = logging.getLogger("turnlog")


class TurnlogSpanProcessor(BatchSpanProcessor):
    """Exports as :class:`TurnlogSpanExporter` does, in a thread of its own, and knows where spans start.

    Those that start inside of ``client.conversation(…)`` and ``client.turn(…)`` belong there, unless they say
    otherwise.

    Args:
        client: Where to; by default the client that the environment describes.
        every_span: Whether spans that have nothing to do with generative AI are exported, as steps of kind other.
        options: What else a BatchSpanProcessor takes.

    Raises:
        SettingError: If there is no client and the environment does not describe one.
    """

    def __init__(self, client: Client | None = None, *, every_span: bool = False, **options: Any) -> None:
        self._places: OrderedDict[tuple[int, int], Mapping[str, Any]] = OrderedDict()
        self._exporter = TurnlogSpanExporter(client, every_span=every_span, scopes=self._places)
        super().__init__(self._exporter, **options)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Note where a span starts."""
        super().on_start(span, parent_context)
        try:
            fields = current.get().fields
            context = span.get_span_context()
            if fields and context is not None:
                self._places[context.trace_id, context.span_id] = fields
                if len(self._places) > _OPEN:
                    self._places.popitem(last=False)
        except Exception:
            _logger.debug("turnlog: a span's place can't be noted", exc_info=True)

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span for export."""
        context = span.get_span_context()
        if context is not None and not context.trace_flags.sampled:
            self._places.pop((context.trace_id, context.span_id), None)
        super().on_end(span)

    def force_flush(self, timeout_millis: int | None = None) -> bool:
        """Export everything so far, and wait until the client has delivered it."""
        exported = super().force_flush(timeout_millis)
        return self._exporter.force_flush(30000 if timeout_millis is None else timeout_millis) and exported


class TurnlogLogProcessor(BatchLogRecordProcessor):
    """Exports as :class:`TurnlogLogExporter` does, in a thread of its own, and knows where records were logged.

    Those that are logged inside of ``client.conversation(…)`` and ``client.turn(…)`` belong there, unless they say
    otherwise.

    Args:
        client: Where to; by default the client that the environment describes.
        wait: Seconds that the span of a call waits for its messages.
        options: What else a BatchLogRecordProcessor takes.

    Raises:
        SettingError: If there is no client and the environment does not describe one.
    """

    def __init__(self, client: Client | None = None, *, wait: float = 2.0, **options: Any) -> None:
        self._turnlog = TurnlogLogExporter(client, wait=wait)
        super().__init__(self._turnlog, **options)

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Note where a record is logged, and queue it for export."""
        try:
            fields = current.get().fields
            if fields:
                # On the record itself: the SDK queues a copy of it, attributes included.
                setattr(log_record.log_record, SCOPE, fields)
        except Exception:
            _logger.debug("turnlog: a record's place can't be noted", exc_info=True)
        super().on_emit(log_record)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Export everything so far, and wait until the client has delivered it."""
        exported = super().force_flush(timeout_millis)
        return self._turnlog.force_flush(timeout_millis) and exported
