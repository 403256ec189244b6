"""Spans and events about generative AI, of OpenTelemetry's conventions and older ones, as records: pure functions.

Nothing here needs OpenTelemetry: :mod:`turnlog.producers.integrations.opentelemetry` turns its objects into these
values.
"""

from turnlog.producers.integrations.genai.joining import Joiner
from turnlog.producers.integrations.genai.lines import line_of
from turnlog.producers.integrations.genai.records import call_of_event, records_of, score_of
from turnlog.producers.integrations.genai.values import DETAILS, EVALUATION, MESSAGES, Happening, Record, Span
from turnlog.producers.integrations.genai.writing import write

__all__ = [
    "DETAILS",
    "EVALUATION",
    "MESSAGES",
    "Happening",
    "Joiner",
    "Record",
    "Span",
    "call_of_event",
    "line_of",
    "records_of",
    "score_of",
    "write",
]
