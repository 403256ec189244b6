"""What a model answered, as every provider's response or stream of chunks is read into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

Fields = dict[str, Any]
Part = dict[str, Any]


@dataclass(slots=True)
class Answer:
    """What is known of an answer, whole or in part.

    Attributes:
        messages: One for each choice, as OpenTelemetry writes them; None if there is nothing to say.
        finish: Why each choice ended.
        usage: Token counts by the schema's names, and other units.
        model: The model that answered.
        response_id: The provider's id of the answer.
        attributes: What else the provider said.
        failure: The type and message of an error that came as an answer.
    """

    messages: list[dict[str, Any]] | None = None
    finish: list[str] = field(default_factory=list)
    usage: Fields | None = None
    model: str | None = None
    response_id: str | None = None
    attributes: Fields = field(default_factory=dict)
    failure: tuple[str, str] | None = None

    def fields(self) -> Fields:
        """Return it as a call's fields, without what is not known."""
        given = {
            "output": self.messages or None,
            "finish_reason": self.finish,
            "usage": self.usage,
            "response_model": self.model,
            "response_id": self.response_id,
            "attributes": self.attributes,
        }
        return {name: value for name, value in given.items() if value}


class Assembly(Protocol):
    """Puts an answer together from the chunks of a stream."""

    def add(self, chunk: Any) -> bool:
        """Take a chunk, and tell whether it holds a piece of the answer: text, reasoning, a refusal, a tool call."""
        ...

    @property
    def complete(self) -> bool:
        """Whether the model has said that it is done; counts may still follow."""
        ...

    def answer(self) -> Answer:
        """Return what has come so far."""
        ...


class Endpoint(NamedTuple):
    """How calls to one kind of endpoint are read.

    Attributes:
        operation: The operation's name.
        request: Turns a request's body into a call's fields, ``input`` among them.
        response: Reads a response, an SDK's object or decoded JSON.
        assembly: Starts to put a streamed answer together, given the request's body.
    """

    operation: str
    request: Callable[[Mapping[str, Any]], Fields]
    response: Callable[[Any], Answer]
    assembly: Callable[[Mapping[str, Any]], Assembly]


def get(value: Any, name: str) -> Any:
    """Return what a dict or an SDK's object holds by a name; None if nothing."""
    if isinstance(value, dict):
        return value.get(name)
    extra = getattr(value, "__pydantic_extra__", value)
    if extra is value:
        return getattr(value, name, None)
    # A pydantic model takes microseconds to say that it lacks an attribute, and each chunk lacks several.
    found = value.__dict__.get(name)
    return extra.get(name) if found is None and extra else found


def held(value: Any) -> Mapping[str, Any]:
    """Return all that a dict or an SDK's object holds, by name: quicker than asking for one after the other."""
    if isinstance(value, dict):
        return value
    fields = getattr(value, "__dict__", None)
    if type(fields) is not dict:
        return {}
    extra = getattr(value, "__pydantic_extra__", None)
    return {**fields, **extra} if extra else fields


def items(value: Any, name: str) -> list[Any] | tuple[Any, ...]:
    """Return the list that a dict or an object holds by a name; empty if there is none."""
    found = get(value, name)
    return found if isinstance(found, list | tuple) else ()


def text(value: Any, name: str) -> str | None:
    """Return the text that a dict or an object holds by a name; None if it is none."""
    found = get(value, name)
    return found if isinstance(found, str) else None


def counts(value: Any, names: Mapping[str, str]) -> Fields:
    """Return the counts that a dict or an object holds, under other names; those that it lacks left out."""
    if value is None:
        return {}
    given = held(value)
    return {
        ours: count for theirs, ours in names.items() if theirs in given and type(count := given[theirs]) in _NUMBERS
    }


def kept(value: Any) -> Any:
    """Return what may be recorded of an argument: an iterator is the SDK's to go through, so nothing of it."""
    if type(value) in _VALUES:
        return value
    once = hasattr(value, "__next__") or hasattr(value, "__anext__") or hasattr(value, "read")
    return None if once else value


_NUMBERS = frozenset({int, float})
_VALUES = frozenset({str, int, float, bool, list, dict, tuple})


def chosen(body: Mapping[str, Any], names: Mapping[str, str]) -> Fields:
    """Return the parameters that a request sets, under a call's names."""
    return {
        ours: value if type(value) in _VALUES else kept(value)
        for theirs, ours in names.items()
        if theirs in body and (value := body[theirs]) is not None
    }
