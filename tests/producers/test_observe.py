"""The decorator: what it records of functions of every sort, and that they stay what they were."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import BaseModel

from turnlog.schemas import Datum
from workbench import Bench


class Secretive:
    """A client of something, with a key in it."""

    def __init__(self) -> None:
        self.api_key = "sk-very-secret"


@dataclass
class Question:
    text: str
    by: Secretive = field(default_factory=Secretive)


class Answer(BaseModel):
    text: str


def said(event: Datum, name: str) -> Any:
    return json.loads(str(event[name]))


def test_a_function_is_a_step(bench: Bench) -> None:
    @bench.client.observe
    def look_up(order: str, *more: int, verbose: bool = False) -> dict[str, str]:
        """Look up an order."""
        return {"order": order}

    assert look_up("o-1", 2, 3, verbose=True) == {"order": "o-1"}
    assert (look_up.__name__, look_up.__doc__) == ("look_up", "Look up an order.")
    step = bench.only("Step")
    assert (step["kind"], step["status"]) == ("chain", "ok")
    assert str(step["name"]).endswith("look_up")
    assert said(step, "input") == {"order": "o-1", "args": [2, 3], "verbose": True}
    assert said(step, "output") == {"order": "o-1"}


def test_a_function_is_a_call(bench: Bench) -> None:
    client = bench.client

    @client.observe(kind="call", provider="openai", model="gpt-4o", prompt_name="support", prompt_version="3")
    def answer(prompt: str, temperature: float) -> Answer:
        client.update_call(usage={"output_tokens": 2}, temperature=temperature)
        return Answer(text=f"to {prompt}")

    assert answer("hello", 0.5) == Answer(text="to hello")
    call = bench.only("ModelCall")
    assert (call["prompt_name"], call["prompt_version"]) == ("support", "3")
    assert (call["usage_output_tokens"], call["request_temperature"]) == (2, 0.5)
    assert said(call, "input_messages")[0]["parts"][0]["content"] == "hello"
    assert "to hello" in str(call["output_messages"])


def test_what_fails_is_recorded_and_raised(bench: Bench) -> None:
    @bench.client.observe(kind="tool", name="refund")
    def refund(order: str) -> None:
        raise LookupError(order)

    with pytest.raises(LookupError):
        refund("o-1")
    step = bench.only("Step")
    assert (step["name"], step["status"], step["error_type"]) == ("refund", "error", "LookupError")


def test_a_wrong_call_of_the_function_raises_what_it_always_did(bench: Bench) -> None:
    @bench.client.observe
    def one(argument: int) -> int:
        return argument

    with pytest.raises(TypeError):
        one()  # type: ignore[call-arg] # the point
    with pytest.raises(TypeError):
        one(1, 2)  # type: ignore[call-arg] # the point
    assert [each["error_type"] for each in bench.events("Step")] == ["TypeError"] * 2


def test_only_data_are_looked_into(bench: Bench) -> None:
    class Desk:
        @bench.client.observe(kind="retrieval", name="desk")
        def find(self, question: Question, by: Secretive) -> list[dict[str, object]]:
            return [{"id": "d-1", "score": 0.5}, {"id": "d-2", "source": "faq"}]

    Desk().find(Question("where?"), Secretive())
    step = bench.only("Step")
    assert said(step, "input") == {"question": {"text": "where?", "by": "<Secretive>"}, "by": "<Secretive>"}
    documents = step["documents"]
    assert isinstance(documents, list)
    assert [each["id"] for each in documents] == ["d-1", "d-2"]
    assert step["output"] is None


def test_nothing_is_captured_that_is_not_wanted(bench: Bench) -> None:
    @bench.client.observe(kind="tool", capture_input=False, capture_output=False, attributes={"a": "1"})
    def private(secret: str) -> str:
        return secret

    private("sk-1")
    step = bench.only("Step")
    assert (step["input"], step["output"], step["attributes"]) == (None, None, {"a": "1"})


def test_coroutines_nest(bench: Bench) -> None:
    client = bench.client

    @client.observe(kind="tool")
    async def inner() -> int:
        await asyncio.sleep(0)
        return 1

    @client.observe(kind="agent")
    async def outer() -> int:
        return sum(await asyncio.gather(inner(), inner()))

    assert inspect.iscoroutinefunction(outer)
    assert asyncio.run(outer()) == 2
    *tools, agent = bench.events("Step")
    assert [each["parent_step_id"] for each in tools] == [agent["event_id"]] * 2
    assert agent["output"] == "2"


def test_a_generator_has_its_scope_and_its_consumer_has_its_own(bench: Bench) -> None:
    client = bench.client

    @client.observe(kind="call", provider="p", model="m")
    def answer(prompt: str) -> Iterator[str]:
        with client.turn("inside"):
            client.info("working")
            yield "It is "
            client.info("working on")
            yield "on its way."

    assert inspect.isgeneratorfunction(answer)
    with client.conversation("c"), client.turn("outside"):
        for _ in answer("where?"):
            client.info("consuming")
    call = bench.only("ModelCall")
    assert (call["status"], call["output_chunks"], call["turn_id"]) == ("ok", 2, "outside")
    assert "It is on its way." in str(call["output_messages"])
    logs = {str(each["body"]): each for each in bench.events("LogRecord")}
    assert [logs[body]["turn_id"] for body in ("working", "working on", "consuming")] == ["inside", "inside", "outside"]
    assert [logs[body]["parent_span_id"] for body in ("working", "consuming")] == [call["span_id"], None]


def test_a_generator_keeps_what_it_had_when_it_breaks_or_is_left(bench: Bench) -> None:
    @bench.client.observe
    def breaks(how: str) -> Iterator[str]:
        yield "par"
        yield "tial"
        raise ConnectionError(how)

    with pytest.raises(ConnectionError):
        list(breaks("reset"))
    for _ in breaks("unread"):
        break
    broken, left = bench.events("Step")
    assert (broken["status"], broken["output"]) == ("error", "partial")
    assert (left["status"], left["output"]) == ("cancelled", "par")


def test_a_generator_is_sent_to_thrown_into_and_returns(bench: Bench) -> None:
    @bench.client.observe
    def talks() -> Generator[str, str, int]:
        try:
            heard = yield "first"
            yield heard
        except LookupError:
            yield "caught"
        return 7

    def through(resume: Callable[[Generator[str, str, int]], str]) -> tuple[str, int]:
        talk = talks()
        next(talk)
        heard = resume(talk)
        with pytest.raises(StopIteration) as stop:
            next(talk)
        return heard, stop.value.value

    assert through(lambda talk: talk.send("hello")) == ("hello", 7)
    assert through(lambda talk: talk.throw(LookupError())) == ("caught", 7)
    assert [each["status"] for each in bench.events("Step")] == ["ok", "ok"]


def test_it_goes_under_a_context_manager(bench: Bench) -> None:
    @contextmanager
    @bench.client.observe
    def session() -> Iterator[int]:
        yield 1

    with pytest.raises(LookupError), session():
        raise LookupError
    assert bench.only("Step")["error_type"] == "LookupError"


def test_an_asynchronous_generator(bench: Bench) -> None:
    @bench.client.observe(kind="call", provider="p", model="m")
    async def answer(count: int) -> AsyncIterator[str]:
        for each in range(count):
            await asyncio.sleep(0)
            yield str(each)

    async def both() -> None:
        assert [each async for each in answer(3)] == ["0", "1", "2"]
        left = answer(3)
        assert await anext(left) == "0"
        await left.aclose()  # type: ignore[attr-defined] # it is a generator, whatever it says that it returns

    assert inspect.isasyncgenfunction(answer)
    asyncio.run(both())
    whole, left = bench.events("ModelCall")
    assert (whole["status"], whole["output_chunks"]) == ("ok", 3)
    assert '"012"' in str(whole["output_messages"])
    assert (left["status"], left["output_chunks"]) == ("cancelled", 1)
