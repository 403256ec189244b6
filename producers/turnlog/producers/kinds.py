"""The kinds of event: which record and topic, who goes first when the queue is full, how the record is completed.

Callers only collect keyword arguments; the functions here turn them into a record's fields, in the background thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from turnlog.producers.coerce import (
    UnfitError,
    to_float,
    to_items,
    to_json,
    to_mapping,
    to_micros,
    to_money,
    to_span,
    to_text,
)
from turnlog.producers.texts.messages import input_json, output_json, system_json
from turnlog.schemas import EncodeError

Fields = dict[str, Any]


class Priority(IntEnum):
    """Who is refused first when the queue fills up."""

    LOW = 0
    NORMAL = 1
    HIGH = 2


class Kind(NamedTuple):
    """A kind of event.

    Attributes:
        record: Name of the Avro record.
        topic: Topic without prefix.
        priority: Who is refused first.
        key: Fields of which the first that is set is the message's key; the event's id if none is.
        complete: Turns what a caller said into the record's fields, in place.
        looks_at: Names that it reads, takes away or sets; it has no business with others.
    """

    record: str
    topic: str
    priority: Priority
    key: tuple[str, ...]
    complete: Callable[[Fields], None]
    looks_at: frozenset[str] = frozenset()


ALIASES: Mapping[str, str] = {
    "tenant": "tenant_id",
    "operation": "operation_name",
    "temperature": "request_temperature",
    "top_p": "request_top_p",
    "top_k": "request_top_k",
    "max_tokens": "request_max_tokens",
    "frequency_penalty": "request_frequency_penalty",
    "presence_penalty": "request_presence_penalty",
    "seed": "request_seed",
    "stop": "request_stop_sequences",
    "severity": "severity_number",
    "logger": "logger_name",
}
"""Short names of fields, and the schemas' own."""

_LAST_MOMENT = 253_402_300_799_999_999
"""The end of the year 9999 in microseconds: later moments are none."""


def rename(fields: Mapping[str, Any]) -> Fields:
    """Return the fields under the schemas' names, those that were set to None left out."""
    renamed = {name: value for name, value in fields.items() if value is not None}
    # Nearly all names are the schemas' own: it is quicker to look for the few that are not.
    for name in ALIASES.keys() & renamed.keys():
        renamed[ALIASES[name]] = renamed.pop(name)
    return renamed


def incomplete(kind: Kind, error: Exception) -> EncodeError:
    """Return the error of an event that could not be completed."""
    return EncodeError(f"{kind.record} can't be completed: {type(error).__name__}")


def _moment(value: Any) -> int | None:
    try:
        micros = to_micros(value)
    except (UnfitError, OverflowError):
        return None
    return micros if 0 <= micros <= _LAST_MOMENT else None


def _span(value: Any) -> int | None:
    try:
        return to_span(value)
    except (UnfitError, OverflowError):
        return None


def complete_times(fields: Fields) -> None:
    """Set event_time, and for what takes time start_time and duration_us, from what was given and measured.

    An operation's event_time is its end, when nothing else is said: what ended in the last minute is what the last
    minute's statistics are about, however long ago it began.
    """
    observed: int = fields["observed_time"]
    given = fields.get("event_time")
    moment = None if given is None else _moment(given)
    if "began" in fields:
        began, measured = fields.pop("began")
        start, duration = fields.pop("start_time", None), fields.pop("duration", None)
        start, duration = None if start is None else _moment(start), None if duration is None else _span(duration)
        ended = observed
        if duration is None:
            duration = measured if start is None else max(0, observed - start)
        elif start is not None:
            ended = start + duration
        fields["start_time"] = began if start is None else start
        fields["duration_us"] = duration
        moment = ended if moment is None else moment
    fields["event_time"] = observed if moment is None else moment


def _call(fields: Fields) -> None:
    reasons = _reasons(fields)
    if reasons:
        fields["finish_reasons"] = reasons
    fields["input_messages"] = input_json(fields.pop("input", None))
    fields["output_messages"] = output_json(fields.pop("output", None), reasons)
    fields["system_instructions"] = system_json(fields.pop("system", None))
    tools = fields.pop("tools", None)
    fields["tool_definitions"] = None if tools is None else to_json(tools)
    first = fields.pop("time_to_first_chunk", None)
    if first is not None:
        fields["time_to_first_chunk_us"] = _span(first)
    usage = fields.pop("usage", None)
    if usage is not None:
        _usage(fields, usage)
    cost = fields.pop("cost", None)
    if cost is not None:
        fields["cost"] = cost
        fields.setdefault("cost_currency", "USD")
        fields["cost_source"] = "producer"


def _reasons(fields: Fields) -> tuple[Any, ...]:
    given = fields.pop("finish_reason", ())
    if type(given) is str:
        return (given,)
    try:
        return tuple(to_items(given))
    except UnfitError:
        return ()


_TOKENS = {
    "input_tokens": "usage_input_tokens",
    "prompt_tokens": "usage_input_tokens",
    "output_tokens": "usage_output_tokens",
    "completion_tokens": "usage_output_tokens",
    "cache_read_input_tokens": "usage_cache_read_input_tokens",
    "cached_tokens": "usage_cache_read_input_tokens",
    "cache_creation_input_tokens": "usage_cache_creation_input_tokens",
    "cache_write_tokens": "usage_cache_creation_input_tokens",
    "reasoning_output_tokens": "usage_reasoning_output_tokens",
    "reasoning_tokens": "usage_reasoning_output_tokens",
}


def _usage(fields: Fields, usage: Any) -> None:
    """Sort counts into the token fields and the map of other units; details of OpenAI's are one level down."""
    try:
        counts = usage if type(usage) is dict else to_mapping(usage)
    except UnfitError:
        return
    other: dict[str, float] = {}
    for name, count in counts.items():
        if name in _TOKENS:
            fields[_TOKENS[name]] = count
        elif isinstance(name, str) and name.endswith("_details") and count is not None:
            _usage_details(fields, other, count)
        elif name != "total_tokens":
            _add(other, name, count)
    if other:
        fields["usage"] = other


def _usage_details(fields: Fields, other: dict[str, float], details: Any) -> None:
    try:
        counts = to_mapping(details)
    except UnfitError:
        return
    for name, count in counts.items():
        if name in _TOKENS:
            fields.setdefault(_TOKENS[name], count)
        else:
            _add(other, name, count)


def _add(other: dict[str, float], name: Any, count: Any) -> None:
    try:
        amount = to_float(count)
        if amount:
            unit = to_text(name)
            other[unit] = other.get(unit, 0.0) + amount
    except UnfitError:
        return


def _step(fields: Fields) -> None:
    for name in ("input", "output"):
        value = fields.get(name)
        if value is not None and not isinstance(value, str):
            fields[name] = to_text(value) if isinstance(value, bytes) else to_json(value)


def _log(fields: Fields) -> None:
    trace = fields.pop("trace", None)
    if trace is not None:
        # Reading the source lines is what a caller should not wait for.
        fields["exception_stacktrace"] = "".join(trace.format())


def _plain(_: Fields) -> None:
    """There is nothing to complete."""


def _model(fields: Fields) -> None:
    fields["prices"] = [_price(each) for each in _listed(fields.get("prices"))]


def _listed(prices: Any) -> list[Mapping[str, Any]]:
    if not prices:
        return []
    if isinstance(prices, Mapping):
        return [{"unit": unit, "amount": amount} for unit, amount in prices.items()]
    return [to_mapping(each) for each in prices]


def _price(price: Mapping[str, Any]) -> Fields:
    """A price that can't be written fails the event: a wrong price would be worse than none."""
    try:
        return {
            **price,
            "amount": to_money(price["amount"]),
            "valid_from": _valid(price.get("valid_from")),
            "valid_to": _valid(price.get("valid_to")),
        }
    except (KeyError, UnfitError) as error:
        raise EncodeError("ModelVersion.prices holds no amount or no moment of validity") from error


def _valid(value: Any) -> int | None:
    return None if value is None else to_micros(value)


_CHAT = ("conversation_id", "trace_id")
_CALL_LOOKS_AT = frozenset(
    {
        *("input", "output", "system", "tools", "finish_reason", "time_to_first_chunk"),
        *("input_messages", "output_messages", "system_instructions", "tool_definitions", "finish_reasons"),
        *("usage", "cost", "cost_currency", "cost_source"),
        *_TOKENS.values(),
    }
)
_LOG_LOOKS_AT = frozenset({"trace", "exception_stacktrace"})

CALL = Kind("ModelCall", "raw.calls", Priority.NORMAL, _CHAT, _call, _CALL_LOOKS_AT)
STEP = Kind("Step", "raw.steps", Priority.NORMAL, _CHAT, _step, frozenset({"input", "output"}))
LOG = Kind("LogRecord", "raw.logs", Priority.NORMAL, _CHAT, _log, _LOG_LOOKS_AT)
DEBUG = Kind("LogRecord", "raw.debug", Priority.LOW, _CHAT, _log, _LOG_LOOKS_AT)
SECURITY = Kind("LogRecord", "raw.security", Priority.HIGH, _CHAT, _log, _LOG_LOOKS_AT)
SCORE = Kind("Score", "raw.scores", Priority.NORMAL, _CHAT, _plain)
DEPLOYMENT = Kind("DeploymentEvent", "raw.deployments", Priority.HIGH, ("chatbot",), _plain)
MODEL = Kind("ModelVersion", "raw.models", Priority.HIGH, ("model_version_id",), _model, frozenset({"prices"}))
DATASET = Kind("Dataset", "raw.datasets", Priority.HIGH, ("dataset_id",), _plain)
REPORT = Kind("LogRecord", "raw.logs", Priority.HIGH, ("producer_id",), _plain)
