"""OpenTelemetry, to a client: whatever is instrumented with it logs to turnlog, without code of its own.

    from turnlog.producers.integrations.opentelemetry import TurnlogLogProcessor, TurnlogSpanProcessor

    tracer_provider.add_span_processor(TurnlogSpanProcessor(client))
    logger_provider.add_log_record_processor(TurnlogLogProcessor(client))

Spans about generative AI become calls and steps, events of evaluation scores, other log records lines. Which names are
understood, and which of them older instrumentations use, is in :mod:`turnlog.producers.integrations.genai`.
"""

from turnlog.schemas.extras import require

for _module in ("opentelemetry", "opentelemetry.sdk"):  # the second can't be looked for without the first
    require("turnlog.producers.integrations.opentelemetry", "opentelemetry", _module)

from turnlog.producers.integrations.opentelemetry.exporters import TurnlogLogExporter, TurnlogSpanExporter  # noqa: E402
from turnlog.producers.integrations.opentelemetry.processor import TurnlogLogProcessor, TurnlogSpanProcessor  # noqa: E402

__all__ = ["TurnlogLogExporter", "TurnlogLogProcessor", "TurnlogSpanExporter", "TurnlogSpanProcessor"]
