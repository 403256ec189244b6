"""Streamed answers that are read to their end, that break, that nobody reads on, and that nobody holds any more."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator

import pytest

from turnlog.producers.operations.call import Call
from workbench import Bench


class Closable:
    """Chunks as a model's client hands them out: to be closed when they are not read to the end."""

    def __init__(self) -> None:
        self.closed = False

    def __iter__(self) -> Iterator[str]:
        yield "par"
        yield "tial"

    def close(self) -> None:
        self.closed = True


async def chunks(*texts: str) -> AsyncIterator[str]:
    for each in texts:
        yield each


def started(bench: Bench) -> Call:
    return bench.client.start_call(provider="p", model="m")


def test_closing_early_closes_the_chunks_too(bench: Bench) -> None:
    source = Closable()
    with started(bench).stream(source) as stream:
        assert next(stream) == "par"
    assert source.closed
    event = bench.only("ModelCall")
    assert (event["status"], event["error_type"], event["output_chunks"]) == ("cancelled", "GeneratorExit", 1)
    assert '"par"' in str(event["output_messages"])


def test_what_is_dropped_half_read_is_recorded(bench: Bench) -> None:
    stream = started(bench).stream(Closable())
    next(stream)
    del stream
    gc.collect()
    event = bench.only("ModelCall")
    assert (event["status"], event["output_chunks"]) == ("cancelled", 1)


def test_what_is_dropped_before_the_first_chunk_is_recorded(bench: Bench) -> None:
    started(bench).stream(Closable())
    gc.collect()
    assert bench.only("ModelCall")["status"] == "cancelled"


def test_a_stream_that_is_handed_away_and_read_to_its_end_ends_its_call_well(bench: Bench) -> None:
    assert "".join(started(bench).stream(Closable())) == "partial"
    gc.collect()
    event = bench.only("ModelCall")
    assert (event["status"], event["output_chunks"]) == ("ok", 2)


def test_after_a_stream_there_is_time_to_say_more(bench: Bench) -> None:
    call = started(bench)
    for _ in call.stream(Closable()):
        pass
    call.finish(usage={"output_tokens": 2})
    assert bench.only("ModelCall")["usage_output_tokens"] == 2


def test_a_call_that_nobody_holds_any_more_is_cancelled(bench: Bench) -> None:
    started(bench)
    bench.client.tool("search")
    gc.collect()
    (call,), (step,) = bench.events("ModelCall"), bench.events("Step")
    assert call["status"] == step["status"] == "cancelled"
    assert call["error_type"] == step["error_type"] == "dropped"


def test_a_stream_that_was_ended_says_so_again(bench: Bench) -> None:
    call = started(bench)
    stream = call.stream("a")
    assert list(stream) == ["a"]
    assert list(stream) == []
    stream.close()
    call.finish()
    assert bench.only("ModelCall")["status"] == "ok"


def test_asynchronous_streams_do_the_same(bench: Bench) -> None:
    async def left_early() -> None:
        async with started(bench).astream(chunks("a", "b")) as stream:
            assert await anext(stream) == "a"

    async def dropped() -> None:
        stream = started(bench).astream(chunks("a", "b"))
        await anext(stream)
        del stream
        gc.collect()

    async def read() -> None:
        assert [each async for each in started(bench).astream(chunks("a", "b"))] == ["a", "b"]

    async def broken() -> None:
        async def breaks() -> AsyncIterator[str]:
            yield "a"
            raise ConnectionError("reset")

        with pytest.raises(ConnectionError):
            [each async for each in started(bench).astream(breaks())]

    for scenario in (left_early, dropped, read, broken):
        asyncio.run(scenario())
        gc.collect()
    events = bench.events("ModelCall")
    assert [(each["status"], each["output_chunks"]) for each in events] == [
        ("cancelled", 1),
        ("cancelled", 1),
        ("ok", 2),
        ("error", 1),
    ]


def test_a_synchronous_close_is_enough_for_asynchronous_chunks(bench: Bench) -> None:
    class Source:
        closed = False

        def __aiter__(self) -> AsyncIterator[str]:
            return chunks("a", "b")

        def close(self) -> None:
            self.closed = True

    async def scenario() -> bool:
        source = Source()
        stream = started(bench).astream(source)
        await anext(stream)
        await stream.aclose()
        return source.closed

    assert asyncio.run(scenario())
