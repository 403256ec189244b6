"""Whatever is passed into whichever public method, nothing raises, all is counted, and what is stored decodes.

Methods are found by looking, so that a new one is tried without being listed: its parameters get anything at all, its
keyword arguments anything under any name. The few that need a plan of their own are in PLANS.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple, get_args, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from turnlog.producers import Call, Client, Conversation, Step, Turn
from turnlog.producers.fields import CommonFields
from turnlog.producers.operations.stream import AsyncStream, Stream
from turnlog.producers.testing import recording_client


class Hostile:
    """Fails at everything that it can be asked."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError

    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__

    def __iter__(self) -> Iterator[Any]:
        raise RuntimeError

    def __float__(self) -> float:
        raise RuntimeError

    def __bool__(self) -> bool:
        raise RuntimeError

    def __len__(self) -> int:
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __call__(self, *args: object, **kwargs: object) -> None:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment] # it can't be hashed either


class Secretive:
    """Does not even say what it is."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError


class Texty(str):
    """A text with ideas of its own."""

    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError

    def encode(self, *args: Any) -> bytes:
        raise RuntimeError


class Dicty(dict[str, Any]):
    """A mapping that can't be gone through."""

    def keys(self) -> Any:
        raise RuntimeError

    items = values = __iter__ = keys


class Model(BaseModel):
    """As model clients return theirs."""

    text: str = "x"
    more: Any = None


class Colour(Enum):
    """A value by name."""

    RED = "red"
    ODD = object()


class Pair(NamedTuple):
    """A tuple by another name."""

    one: int = 1
    two: str = "2"


def cyclic() -> list[Any]:
    knot: list[Any] = []
    knot.append({"again": knot})
    return knot


def huge() -> int:
    number: int = 10**5000  # more digits than Python will write
    return number


def deep() -> Any:
    nest: Any = "bottom"
    for _ in range(2000):
        nest = [nest]
    return nest


def spent() -> Iterator[int]:
    yield 1
    raise RuntimeError


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**63, -(2**200)]),
    st.floats(),
    st.text(alphabet=st.characters(), max_size=20),
    st.sampled_from(["\ud800", "a\udfffb", "\x00", "tool", "call", "00-" + "1" * 32 + "-" + "2" * 16 + "-01"]),
    st.binary(max_size=20),
    *(st.builds(each) for each in (Hostile, Secretive, object, huge, cyclic, deep, spent, Model, Pair, Dicty)),
    st.builds(Texty, st.just("x")),
    st.sampled_from([*Colour, Hostile, int, len, ValueError("x"), TimeoutError(), asyncio.CancelledError()]),
    st.decimals(),
    st.just(Decimal("sNaN")),
    st.datetimes(),
    st.just(datetime.max.replace(tzinfo=UTC)),
    st.timedeltas(),
    st.just(timedelta.max),
)
KEYS = st.text(max_size=5) | st.integers() | st.sampled_from(["role", "content", "parts", "tool_calls", "type", "unit"])
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=8
)
TRIES = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None, max_examples=15
)


def public(kind: type) -> list[str]:
    """Names of a class's methods that users may call; its own block methods among them."""
    names = [name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name))]
    return names + [name for name in ("__enter__", "__aenter__") if hasattr(kind, name)]


def keywords(parameter: inspect.Parameter, function: Callable[..., Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Keyword arguments for a ``**fields`` parameter: those that its type names, those of every event, and others."""
    hint = get_type_hints(function).get(parameter.name)
    known = [name for kind in get_args(hint) for name in getattr(kind, "__annotations__", ())]
    taken = set(inspect.signature(function).parameters)
    names = sorted({*known, *CommonFields.__annotations__, "unheard_of", "began"} - taken)
    return st.dictionaries(st.sampled_from(names), ANYTHING, max_size=6)


def try_out(data: st.DataObject, owner: object, name: str) -> Any:
    """Call a method with anything."""
    method = getattr(owner, name)
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for parameter in inspect.signature(method).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            kwargs |= data.draw(keywords(parameter, method))
        elif parameter.kind is parameter.KEYWORD_ONLY:
            kwargs[parameter.name] = data.draw(ANYTHING)
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            args.append(data.draw(ANYTHING))
    return method(*args, **kwargs)


def try_result(data: st.DataObject, result: Any) -> None:
    """Use what a method returned: as a block, and by each of its own methods."""
    if isinstance(result, AbstractContextManager) and isinstance(result, Call | Step | Conversation | Turn):
        with result as entered:
            for name in data.draw(st.lists(st.sampled_from(public(type(entered))), max_size=3)):
                if name not in PLANS:
                    try_out(data, entered, name)
                elif name in ("stream", "astream"):
                    PLANS[name](data, entered)


def streams(data: st.DataObject, call: Any) -> None:
    chunks = data.draw(st.lists(ANYTHING, max_size=4))
    assert len(list(call.stream(chunks, data.draw(ANYTHING)))) == len(chunks)


def astreams(data: st.DataObject, call: Any) -> None:
    chunks = data.draw(st.lists(ANYTHING, max_size=4))

    async def one_by_one() -> Any:
        for each in chunks:
            yield each

    async def read() -> None:
        async with call.astream(one_by_one(), data.draw(ANYTHING)) as stream:
            assert len([each async for each in stream]) == len(chunks)

    asyncio.run(read())


def observes(data: st.DataObject, client: Any) -> None:
    odd = data.draw(ANYTHING)
    parameters = ("kind", "name", "provider", "model", "capture_input", "capture_output", "attributes", "unheard_of")
    how = data.draw(st.dictionaries(st.sampled_from(parameters), ANYTHING, max_size=4))

    def echo(one: Any, *more: Any, **others: Any) -> Any:
        return one

    async def coroutine(one: Any) -> Any:
        return one

    def generator(one: Any) -> Iterator[Any]:
        yield one
        yield odd

    given = data.draw(ANYTHING)
    assert client.observe(**how)(echo)(given, odd, a=odd) is given
    assert client.observe(echo)(given) is given
    assert asyncio.run(client.observe(**how)(coroutine)(given)) is given
    first, second = client.observe(**how)(generator)(given)
    assert first is given
    assert second is odd
    for each in (odd, Hostile()):
        client.observe(each)
        client.observe(**how)(each)


def binds(data: st.DataObject, client: Any) -> None:
    odd = data.draw(ANYTHING)
    assert client.bind(lambda: odd)() is odd
    client.bind(odd)
    client.bind(Hostile())


PLANS: dict[str, Callable[[st.DataObject, Any], None]] = {
    "stream": streams,
    "astream": astreams,
    "observe": observes,
    "bind": binds,
    # These make a client and say what is wrong with a setting; tests/producers/test_settings.py tries them.
    "from_env": lambda data, client: None,
    "from_file": lambda data, client: None,
    # A client is entered once, by whoever owns it; leaving it closes, as these tests do at their end.
    "__enter__": lambda data, client: None,
    "__aenter__": lambda data, client: None,
}


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "turnlog")


def finish(client: Client, recorded: Any) -> None:
    result = client.close(60)
    assert not result.pending
    assert not result.failed
    assert set(result.reasons) <= {"invalid", "too_large", "closed"}
    assert len(recorded.events()) == result.sent


@pytest.mark.parametrize("name", public(Client))
@TRIES
@given(data=st.data())
def test_a_client_takes_anything(name: str, data: st.DataObject) -> None:
    client, recorded = recording_client()
    odd: Any = data.draw(ANYTHING)
    with client.conversation(odd, attributes=odd), client.turn():
        if name in PLANS:
            PLANS[name](data, client)
        else:
            try_result(data, try_out(data, client, name))
    finish(client, recorded)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in (Call, Step) for name in public(kind) if not name.startswith("_")]
)
@TRIES
@given(data=st.data())
def test_calls_and_steps_take_anything(kind: type, name: str, data: st.DataObject) -> None:
    client, recorded = recording_client()
    with client.turn():
        operation = try_out(data, client, "call" if kind is Call else "step")
        again = data.draw(st.sampled_from([each for each in public(kind) if each not in PLANS]))
        for each in (name, again):
            PLANS[each](data, operation) if each in PLANS else try_out(data, operation, each)
    operation.finish()
    finish(client, recorded)


@TRIES
@given(odd=ANYTHING, text=ANYTHING)
def test_streams_raise_only_what_their_chunks_raise(odd: Any, text: Any) -> None:
    client, recorded = recording_client()
    call = client.start_call(provider="p", model="m")
    for made in (call.stream, call.astream):
        stream: Stream[Any] | AsyncStream[Any] = made(odd, text)
        assert set(public(type(stream))) >= {"close"} or set(public(type(stream))) >= {"aclose"}
        with suppress(Exception):
            next(stream) if isinstance(stream, Stream) else asyncio.run(anext(stream))
    call.finish()
    finish(client, recorded)
