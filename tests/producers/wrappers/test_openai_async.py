"""A wrapped asynchronous OpenAI client."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion

from fakes.openai_api import ANSWER
from fakes.server import SLOW, ModelServer
from openai_chats import HELLO, TEXT, Place, parts
from recordings import Log
from turnlog.producers.integrations.openai import wrap


def asynchronous(models: ModelServer, log: Log, scenario: Callable[[AsyncOpenAI], Any]) -> Any:
    async def run() -> Any:
        async with AsyncOpenAI(base_url=models.url + "/v1", api_key="k", max_retries=0) as sdk:
            return await scenario(wrap(sdk, log.client, provider="openai"))

    return asyncio.run(run())


def test_asynchronously(models: ModelServer, log: Log) -> None:
    async def scenario(sdk: AsyncOpenAI) -> None:
        with log.client.conversation("c-1"):
            answer = await sdk.chat.completions.create(model="plain", messages=HELLO)
            assert type(answer) is ChatCompletion
        stream = await sdk.chat.completions.create(model="stream-slow", messages=HELLO, stream=True)
        assert isinstance(stream, openai.AsyncStream)
        assert len([chunk async for chunk in stream]) == 5
        async with await sdk.chat.completions.create(model="left", messages=HELLO, stream=True) as left:
            await anext(left)
        async with sdk.chat.completions.stream(model="helper", messages=HELLO) as helper:
            assert (await helper.get_final_completion()).choices[0].message.content == TEXT
        async with sdk.responses.stream(model="left helper", input="hello") as events:
            await anext(events)
        raw = await sdk.chat.completions.with_raw_response.create(model="raw", messages=HELLO)
        assert raw.parse().choices[0].message.content == TEXT
        async with sdk.chat.completions.with_streaming_response.create(model="parsed", messages=HELLO) as parsed:
            assert (await parsed.parse()).choices[0].message.content == TEXT
        with pytest.raises(openai.BadRequestError):
            await sdk.with_options(timeout=5).chat.completions.create(model="m-400", messages=HELLO)
        with pytest.raises(openai.APIConnectionError):
            [_ async for _ in await sdk.chat.completions.create(model="m-break", messages=HELLO, stream=True)]
        parsed_place = await sdk.chat.completions.parse(model="place", messages=HELLO, response_format=Place)
        assert parsed_place.choices[0].message.parsed == Place(city="Paris")

    asynchronous(models, log, scenario)
    calls = log.calls()
    assert [(each["request_model"], each["status"]) for each in calls] == [
        ("plain", "ok"),
        ("stream-slow", "ok"),
        ("left", "cancelled"),
        ("helper", "ok"),
        ("left helper", "cancelled"),
        ("raw", "ok"),
        ("parsed", "ok"),
        ("m-400", "error"),
        ("m-break", "error"),
        ("place", "ok"),
    ]
    assert calls[0]["conversation_id"] == "c-1"
    first_chunk = calls[1]["time_to_first_chunk_us"]
    assert isinstance(first_chunk, int)
    assert first_chunk >= SLOW * 1e6
    assert parts(calls[1]) == [[{"type": "text", "content": TEXT}]]


def test_an_asynchronous_stream_left_and_dropped(models: ModelServer, log: Log) -> None:
    async def scenario(sdk: AsyncOpenAI) -> None:
        async for chunk in await sdk.chat.completions.create(model="dropped", messages=HELLO, stream=True):
            if chunk.choices[0].delta.content:
                break
        del chunk
        for _ in range(10):  # the loop closes one generator after the other
            gc.collect()
            await asyncio.sleep(0)
        await sdk.chat.completions.create(model="next", messages=HELLO)

    asynchronous(models, log, scenario)
    assert {each["request_model"]: each["status"] for each in log.calls()} == {"dropped": "cancelled", "next": "ok"}


def test_a_task_that_is_cancelled(models: ModelServer, log: Log) -> None:
    async def scenario(sdk: AsyncOpenAI) -> None:
        came = asyncio.Event()

        async def read() -> None:
            async for chunk in await sdk.chat.completions.create(model="m-hang", messages=HELLO, stream=True):
                if chunk.choices[0].delta.content:
                    came.set()

        task = asyncio.create_task(read())
        await came.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asynchronous(models, log, scenario)
    event = log.call()
    assert (event["status"], event["error_type"]) == ("cancelled", "asyncio.exceptions.CancelledError")
    assert log.said() == [{"type": "text", "content": ANSWER[0]}]
