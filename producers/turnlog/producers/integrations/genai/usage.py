"""What a call asked for and what it took: sampling parameters, tokens, cost, the moment of the first chunk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from turnlog.producers.coerce import UnfitError, to_float, to_micros
from turnlog.producers.integrations.genai.reading import first, parsed
from turnlog.producers.integrations.genai.values import Attributes, Happening
from turnlog.producers.kinds import Fields

_TOKENS = {
    "input_tokens": (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.usage.prompt_tokens",
        "llm.token_count.prompt",
    ),
    "output_tokens": (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.usage.completion_tokens",
        "llm.token_count.completion",
    ),
    "cache_read_input_tokens": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.details.cache_read_tokens",
        "llm.token_count.prompt_details.cache_read",
    ),
    "cache_creation_input_tokens": (
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.details.cache_write_tokens",
        "llm.token_count.prompt_details.cache_write",
    ),
    "reasoning_output_tokens": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.details.reasoning_tokens",
        "llm.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
    ),
}
COST = ("gen_ai.usage.cost", "gen_ai.cost.total", "llm.cost.total", "operation.cost")
TOTALS = frozenset({"gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total"})
"""Sums, which say nothing where their parts are known."""
_USAGE = ("gen_ai.usage.", "llm.usage.", "llm.token_count.")
_COUNTED = frozenset(name for names in _TOKENS.values() for name in names) | TOTALS | frozenset(COST)

_REQUEST = {
    "temperature": ("gen_ai.request.temperature", "llm.request.temperature", "llm.temperature"),
    "top_p": ("gen_ai.request.top_p", "llm.request.top_p", "llm.top_p"),
    "top_k": ("gen_ai.request.top_k", "llm.request.top_k", "llm.top_k"),
    "max_tokens": ("gen_ai.request.max_tokens", "llm.request.max_tokens"),
    "frequency_penalty": ("gen_ai.request.frequency_penalty", "llm.frequency_penalty"),
    "presence_penalty": ("gen_ai.request.presence_penalty", "llm.presence_penalty"),
    "seed": ("gen_ai.request.seed", "gen_ai.openai.request.seed"),
    "stop": ("gen_ai.request.stop_sequences", "llm.chat.stop_sequences", "llm.stop_sequences"),
    "retries": ("http.request.resend_count",),
}
_PARAMETERS = {"max_completion_tokens": "max_tokens", "max_output_tokens": "max_tokens", "stop_sequences": "stop"}
"""Names in OpenInference's llm.invocation_parameters that are not the field's own."""
PARAMETERS = ("llm.invocation_parameters",)

FIRST_CHUNK = (
    "gen_ai.response.time_to_first_chunk",
    "gen_ai.server.time_to_first_token",
    "gen_ai.latency.time_to_first_token",
)
"""Seconds from the request to the first chunk."""
COMPLETION_START = ("langfuse.observation.completion_start_time",)
"""The moment of the first chunk."""
_CHUNKS = frozenset({"llm.content.completion.chunk", "gen_ai.content.completion.chunk"})
_FIRST = frozenset({"First Token Stream Event", "gen_ai.first_token", *_CHUNKS})
"""Names of events that happen when a chunk comes."""

READ = frozenset(
    [*_COUNTED - TOTALS, *FIRST_CHUNK, *COMPLETION_START, *(name for names in _REQUEST.values() for name in names)]
)
"""Attributes that are fields."""


def parameters_of(attributes: Attributes) -> Mapping[Any, Any]:
    """Return what OpenInference lists of a request, the model asked for among it."""
    parameters = parsed(first(attributes, *PARAMETERS))
    return parameters if isinstance(parameters, Mapping) else {}


def request_of(attributes: Attributes) -> Fields:
    """Return the sampling parameters that were asked for."""
    fields = {field: first(attributes, *names) for field, names in _REQUEST.items()}
    for name, value in parameters_of(attributes).items():
        field = _PARAMETERS.get(name, name)
        if field in fields and fields[field] is None:
            fields[field] = value
    return {field: value for field, value in fields.items() if value is not None}


def usage_of(attributes: Attributes) -> Fields:
    """Return tokens by kind, and other units under the names that the attributes give them."""
    usage = {unit: first(attributes, *names) for unit, names in _TOKENS.items()}
    for name, value in attributes.items():
        unit = _unit(name)
        if unit is not None and isinstance(value, int | float) and not isinstance(value, bool):
            usage.setdefault(unit, value)
    return {unit: count for unit, count in usage.items() if count is not None}


def cost_of(attributes: Attributes) -> Any:
    """Return what the call cost, if its source says so and it is an amount."""
    cost = first(attributes, *COST)
    try:
        to_float(cost)
    except UnfitError:
        return None
    return cost


def _unit(name: Any) -> str | None:
    """Return the unit that an attribute counts, unless it is one of the token fields'."""
    if not isinstance(name, str) or name in _COUNTED:
        return None
    for prefix in _USAGE:
        if name.startswith(prefix):
            return name[len(prefix) :].replace(".", "_")
    return None


def is_usage(name: str, value: Any) -> bool:
    """Whether an attribute is in the usage."""
    return name in READ or (_unit(name) is not None and isinstance(value, int | float) and not isinstance(value, bool))


def first_chunk_of(attributes: Attributes, start_us: int, events: Sequence[Happening]) -> float | None:
    """Return the seconds to the first chunk, as an attribute or an event tells them."""
    try:
        said = first(attributes, *FIRST_CHUNK)
        if said is not None:
            return max(0.0, to_float(said))
        moment = first(attributes, *COMPLETION_START)
        if moment is not None:
            return max(0, to_micros(str(moment).strip('"')) - start_us) / 1e6
    except (UnfitError, OverflowError, ValueError):
        return None
    times = [event.time_us for event in events if event.name in _FIRST]
    return max(0, min(times) - start_us) / 1e6 if times else None


def chunks_of(events: Sequence[Happening]) -> int | None:
    """Return how many chunks came, if each left an event."""
    return sum(event.name in _CHUNKS for event in events) or None
