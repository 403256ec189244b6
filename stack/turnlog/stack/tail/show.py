"""A clean event on one line."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from rich.text import Text

from turnlog.schemas import Datum, money_from_bytes
from turnlog.stack.printable import one_line
from turnlog.stack.tail.event import Event

_COLOURS = {
    "call": "cyan",
    "step": "blue",
    "log": "green",
    "debug": "bright_black",
    "security": "magenta",
    "score": "yellow",
}
_TEXT_WIDTH = 160
_SEVERE = 17  # OpenTelemetry's first number of ERROR
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def line_of(event: Event, zone: tzinfo | None = None) -> Text:
    """Describe an event on one line.

    Args:
        event: The event.
        zone: Time zone of the clock that the line shows; by default this machine's.
    """
    record = event.record
    bad = record.get("status") in {"error", "timeout"} or record.get("severity_number", 0) >= _SEVERE
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(_clock(record["event_time"], zone), style="dim")
    line.append(f" {event.type:<10} ", style="red" if bad else _COLOURS.get(event.type, "white"))
    line.append(one_line(record["service_name"], 30), style="bold")
    if record.get("conversation_id"):
        line.append(f" [{one_line(record['conversation_id'], 40)}]", style="dim")
    line.append(" " + " ".join(one_line(part, _TEXT_WIDTH) for part in _PARTS[event.type](record) if part))
    return line


def _clock(microseconds: int, zone: tzinfo | None) -> str:
    try:
        moment = (_EPOCH + timedelta(microseconds=microseconds)).astimezone(zone)
    except OverflowError:
        return "??:??:??.???"
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}"


def _outcome(record: Datum) -> str:
    error = record.get("error_type")
    return f"{record['status']} ({error})" if error else str(record["status"])


def _call(record: Datum) -> Iterator[str]:
    yield record.get("model_version_id") or record["request_model"]
    yield _outcome(record)
    yield f"{record['duration_us'] / 1000:.0f} ms"
    if record["usage_input_tokens"] is not None:
        yield f"{record['usage_input_tokens']}→{record['usage_output_tokens'] or 0} tokens"
    if record["cost"] is not None:
        yield f"{money_from_bytes(record['cost']).normalize():f} {record['cost_currency']}"
    yield text_of(record["output_messages"])


def _step(record: Datum) -> Iterator[str]:
    yield f"{record['kind']} {record['name']}"
    yield _outcome(record)
    yield f"{record['duration_us'] / 1000:.0f} ms"
    if record["verdict"]:
        yield f"{record['verdict']}/{record['action'] or '-'}"
    if record["documents"]:
        yield f"{len(record['documents'])} documents"
    yield record["output"] or ""


def _log(record: Datum) -> Iterator[str]:
    yield record["severity_text"]
    yield record["event_name"] or record["logger_name"]
    security: Mapping[str, Any] | None = record["security"]
    if security:
        yield "/".join(security[name] for name in ("event", "category", "action") if security[name])
    yield record["body"]
    yield record["exception_type"] or ""


def _score(record: Datum) -> Iterator[str]:
    value = record["label"] if record["value"] is None else f"{record['value']:g}"
    yield f"{record['name']} = {value} by {record['source']}"
    yield record["explanation"] or ""


def _deployment(record: Datum) -> Iterator[str]:
    yield f"{record['action']} {record['state']} {record['deployment_id']}"
    yield f"{record['previous_model_version_id'] or '?'} → {record['model_version_id'] or '?'}"
    yield record["reason"] or ""


def _model(record: Datum) -> Iterator[str]:
    yield f"{record['model_version_id']} {record['provider_name']}/{record['name']} {record['state']}"


def _dataset(record: Datum) -> Iterator[str]:
    yield f"{record['dataset_id']} {record.get('name') or ''}"


_PARTS: Mapping[str, Callable[[Datum], Iterator[str]]] = {
    "call": _call,
    "step": _step,
    "log": _log,
    "debug": _log,
    "security": _log,
    "score": _score,
    "deployment": _deployment,
    "model": _model,
    "dataset": _dataset,
}


def text_of(messages: str | None) -> str:
    """Return the text in a call's messages, or the messages as they are if they can't be read."""
    try:
        return " ".join(
            part["content"]
            for message in json.loads(messages or "[]")
            for part in message["parts"]
            if part.get("type") == "text"
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return messages or ""
