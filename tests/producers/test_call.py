"""What a call records of its start, its chunks, its end and its failures."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import CancelledError as FutureCancelledError
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from turnlog.schemas import money_from_bytes
from workbench import START_US, Bench


class APITimeoutError(Exception):
    """As model clients call theirs."""


def test_a_finished_call_says_what_was_asked_and_answered(bench: Bench) -> None:
    messages = [{"role": "user", "content": "hello"}]
    with bench.client.call(
        provider="openai", model="gpt-4o", input=messages, temperature=0.5, top_k=3, stop="END", system="be kind"
    ) as call:
        messages.append({"role": "assistant", "content": "not part of what was asked"})
        bench.hands.move(0.25)
        call.first_chunk()
        bench.hands.move(1)
        call.finish(
            output="hi",
            finish_reason="stop",
            usage={"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}},
            response_model="gpt-4o-2024-05-13",
            response_id="r-1",
            attributes={"a": 1},
        )
    event = bench.only("ModelCall")
    expected = {
        "event_id": call.event_id,
        "event_time": START_US + 1_250_000,
        "observed_time": START_US + 1_250_000,
        "start_time": START_US,
        "duration_us": 1_250_000,
        "time_to_first_chunk_us": 250_000,
        "tenant_id": "acme",
        "service_name": "support-bot",
        "provider_name": "openai",
        "operation_name": "chat",
        "request_model": "gpt-4o",
        "response_model": "gpt-4o-2024-05-13",
        "response_id": "r-1",
        "request_temperature": 0.5,
        "request_top_k": 3,
        "request_stop_sequences": ["END"],
        "status": "ok",
        "finish_reasons": ["stop"],
        "usage_input_tokens": 9,
        "usage_output_tokens": 2,
        "usage_cache_read_input_tokens": 4,
        "content_state": "full",
        "attributes": {"a": "1"},
        "system_instructions": '[{"type":"text","content":"be kind"}]',
        "input_messages": '[{"role":"user","parts":[{"type":"text","content":"hello"}]}]',
        "output_messages": '[{"role":"assistant","parts":[{"type":"text","content":"hi"}],"finish_reason":"stop"}]',
    }
    assert {name: event[name] for name in expected} == expected


def test_a_call_ends_well_with_its_block(bench: Bench) -> None:
    with bench.client.call(provider="p", model="m") as call:
        call.chunk("a")
        call.chunk("b")
    event = bench.only("ModelCall")
    assert event["status"] == "ok"
    assert event["output_chunks"] == 2
    assert json.loads(str(event["output_messages"]))[0]["parts"][0]["content"] == "ab"


@pytest.mark.parametrize(
    ("error", "status", "error_type"),
    [
        (ValueError("no"), "error", "ValueError"),
        (TimeoutError("no"), "timeout", "TimeoutError"),
        (APITimeoutError("no"), "timeout", f"{__name__}.APITimeoutError"),
        (asyncio.CancelledError("no"), "cancelled", "asyncio.exceptions.CancelledError"),
        (FutureCancelledError("no"), "cancelled", "concurrent.futures._base.CancelledError"),
        (GeneratorExit("no"), "cancelled", "GeneratorExit"),
        (KeyboardInterrupt("no"), "cancelled", "KeyboardInterrupt"),
    ],
)
def test_an_exception_is_recorded_and_goes_on(bench: Bench, error: BaseException, status: str, error_type: str) -> None:
    def answer() -> None:
        with bench.client.call(provider="p", model="m") as call:
            call.chunk("half an ans")
            raise error

    with pytest.raises(type(error)):
        answer()
    event = bench.only("ModelCall")
    assert (event["status"], event["error_type"], event["error_message"]) == (status, error_type, "no")
    assert "half an ans" in str(event["output_messages"])


def test_only_the_first_end_counts(bench: Bench) -> None:
    def answer() -> None:
        with bench.client.call(provider="p", model="m") as call:
            call.finish(output="x")
            call.fail("too late")
            raise ValueError("later")

    with pytest.raises(ValueError, match="later"):
        answer()
    assert bench.only("ModelCall")["status"] == "ok"


def test_without_a_block(bench: Bench) -> None:
    one = bench.client.start_call(provider="p", model="one")
    two = bench.client.start_call(provider="p", model="two")
    two.fail(RuntimeError("broken"), retries=2)
    one.finish()
    events = bench.events("ModelCall")
    assert [(each["request_model"], each["status"], each["retries"]) for each in events] == [
        ("two", "error", 2),
        ("one", "ok", 0),
    ]


def test_a_stream_is_passed_on_and_recorded(bench: Bench) -> None:
    chunks: list[Any] = ["a", {"choices": [{"delta": {"content": "b"}}]}, {"choices": []}]
    chunks.append(SimpleNamespace(choices=[SimpleNamespace(delta=SimpleNamespace(content="c"))]))
    with bench.client.call(provider="p", model="m") as call:
        assert list(call.stream(chunks)) == chunks
    event = bench.only("ModelCall")
    assert event["output_chunks"] == 4
    assert '"abc"' in str(event["output_messages"])


def test_a_broken_stream_keeps_what_came(bench: Bench) -> None:
    def chunks() -> Iterator[str]:
        yield "par"
        yield "tial"
        raise ConnectionError("reset")

    call = bench.client.start_call(provider="p", model="m")
    with pytest.raises(ConnectionError):
        list(call.stream(chunks()))
    event = bench.only("ModelCall")
    assert (event["status"], event["error_message"]) == ("error", "reset")
    assert '"partial"' in str(event["output_messages"])


def test_a_stream_left_early_is_cancelled_outside_of_a_block_only(bench: Bench) -> None:
    inside = bench.client.call(provider="p", model="inside")
    with inside:
        stream = inside.stream("ab")
        next(stream)
        stream.close()
    outside = bench.client.call(provider="p", model="outside").stream("ab")
    next(outside)
    outside.close()
    assert [each["status"] for each in bench.events("ModelCall")] == ["ok", "cancelled"]


def test_an_asynchronous_stream(bench: Bench) -> None:
    async def chunks() -> AsyncIterator[str]:
        for each in "ab":
            yield each

    async def answer() -> str:
        with bench.client.call(provider="p", model="m") as call:
            return "".join([each async for each in call.astream(chunks())])

    assert asyncio.run(answer()) == "ab"
    assert '"ab"' in str(bench.only("ModelCall")["output_messages"])


@pytest.mark.parametrize(
    "start",
    [
        datetime(2020, 1, 1, tzinfo=UTC),
        datetime(2020, 1, 1),  # noqa: DTZ001 - a naive one is the point
        "2020-01-01T00:00:00Z",
        1_577_836_800_000_000,
        1_577_836_800.0,
    ],
)
def test_history_has_its_own_times(bench: Bench, start: Any) -> None:
    call = bench.client.start_call(
        provider="p", model="m", start_time=start, duration=timedelta(seconds=3), time_to_first_chunk=0.5
    )
    call.finish()
    event = bench.only("ModelCall")
    assert event["start_time"] == 1_577_836_800_000_000
    assert event["duration_us"] == 3_000_000
    assert event["time_to_first_chunk_us"] == 500_000
    assert event["event_time"] == 1_577_836_803_000_000
    assert event["observed_time"] == START_US


def test_impossible_times_are_measured_instead(bench: Bench) -> None:
    bench.client.start_call(provider="p", model="m", start_time=2**70, duration=float("nan"), event_time=-5).finish()
    event = bench.only("ModelCall")
    assert (event["start_time"], event["duration_us"], event["event_time"]) == (START_US, 0, START_US)


def test_an_id_of_ones_own_is_made_a_uuid_the_same_each_time(bench: Bench) -> None:
    ids = [bench.client.start_call(provider="p", model="m", event_id="chat-1").event_id for _ in range(2)]
    assert ids[0] == ids[1] != "chat-1"
    given = "01a20aa7-4c78-78e3-ad36-894f20a5f9c0"
    assert bench.client.start_call(provider="p", model="m", event_id=given).event_id == given


def test_other_units_and_costs(bench: Bench) -> None:
    usage = {"input_tokens": 1, "total_tokens": 3, "output_tokens_details": {"reasoning_tokens": 1}, "images": 2}
    bench.client.start_call(provider="p", model="m").finish(usage=usage, cost="0.125")
    event = bench.only("ModelCall")
    assert event["usage"] == {"images": 2.0}
    assert event["usage_reasoning_output_tokens"] == 1
    cost = event["cost"]
    assert isinstance(cost, bytes)
    assert money_from_bytes(cost) == Decimal("0.125")
    assert (event["cost_currency"], event["cost_source"]) == ("USD", "producer")
