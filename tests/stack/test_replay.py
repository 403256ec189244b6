"""Replaying chats: reading lines, checking chats, taking them apart into calls, and handing those to the client."""

import gzip
import io
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from turnlog.producers.testing import RecordingTransport, recording_client
from turnlog.schemas import UserError
from turnlog.stack.replay import (
    BadLineError,
    CallOfChat,
    Line,
    Pace,
    Replay,
    Summary,
    Timing,
    calls_of,
    nominal_duration,
    parse_chat,
    read_lines,
)

_USER, _BOT = {"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}


def _chat(**fields: Any) -> bytes:
    return json.dumps({"messages": [_USER, _BOT], **fields}).encode()


def _calls(**fields: Any) -> list[CallOfChat]:
    return list(calls_of(parse_chat(_chat(**fields), 1)))


# Lines


def _texts(lines: Iterator[Line]) -> list[tuple[int, bytes | None]]:
    return [(line.number, line.data) for line in lines]


def test_lines_keep_their_numbers_and_blank_ones_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"a\r\n\n  \nb")
    assert _texts(read_lines(str(tmp_path / "f"))) == [(1, b"a"), (4, b"b")]


def test_gzip_is_told_by_its_bytes_not_its_name(tmp_path: Path) -> None:
    (tmp_path / "f.txt").write_bytes(gzip.compress(b"a\nb\n"))
    assert _texts(read_lines(str(tmp_path / "f.txt"))) == [(1, b"a"), (2, b"b")]


def test_lines_that_are_too_long_are_left_out_whole(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 25 + b"\nab\n" + b"y" * 10 + b"\n" + b"z" * 11)
    assert _texts(read_lines(str(tmp_path / "f"), limit=10)) == [(1, None), (2, b"ab"), (3, b"y" * 10), (4, None)]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(gzip.compress(b"a\n")))))
    assert _texts(read_lines("-")) == [(1, b"a")]
    assert not sys.stdin.closed


def test_what_cannot_be_read_is_a_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        list(read_lines(str(tmp_path / "none")))
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"a\n" * 100_000)[:-50])
    with pytest.raises(UserError, match="broken gzip file"):
        list(read_lines(str(tmp_path / "cut.gz")))


# Chats


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"nope", "not JSON at character 1"),
        (b"\xff", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "not a JSON object"),
        (b"{}", "no messages"),
        (b'{"messages": {}}', "no array"),
        (b'{"messages": [1]}', "message 1 is no object"),
        (b'{"messages": [{"content": "x"}]}', "message 1 has no role"),
        (b'{"messages": [{"role": "user", "content": 5}]}', "neither text nor parts"),
        (b'{"messages": [{"role": "user", "content": "x"}]}', "no message of the assistant"),
        (_chat(model=[1]), "model is no text"),
        (_chat(timestamp="yesterday"), "timestamp is no time"),
        (_chat(timestamp=-5), "between 1970 and 9999"),
        (_chat(created=1e30), "created is no time"),
        (_chat(duration_ms=-1), "duration_ms is no duration"),
        (_chat(latency_ms=True), "latency_ms is no duration"),
    ],
)
def test_bad_lines_say_why_and_quote_nothing(line: bytes, why: str) -> None:
    with pytest.raises(BadLineError, match=why):
        parse_chat(line, 1)


def test_a_chat_keeps_what_the_file_says() -> None:
    chat = parse_chat(
        _chat(conversation_id=7, provider="p", model="m", user="u", temperature=0.5, metadata={"a": 1}, seed=None), 1
    )
    assert (chat.conversation_id, chat.provider, chat.model, chat.user) == ("7", "p", "m", "u")
    assert chat.options == {"temperature": 0.5}
    assert chat.attributes == {"a": 1}


def test_a_missing_conversation_id_is_made_from_the_line_the_same_each_time() -> None:
    first, again, next_line = (parse_chat(_chat(), number).conversation_id for number in (1, 1, 2))
    assert first == again != next_line
    assert parse_chat(b"\xef\xbb\xbf" + _chat(), 1).model == "unknown"


@pytest.mark.parametrize(
    "value", [1_700_000_000, 1_700_000_000.0, 1_700_000_000_000, 1_700_000_000_000_000, "2023-11-14T22:13:20Z"]
)
def test_times_in_any_usual_unit(value: Any) -> None:
    assert parse_chat(_chat(timestamp=value), 1).time == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


# Calls


def test_each_answer_is_a_call_that_saw_what_came_before() -> None:
    system = {"role": "system", "content": "be brief"}
    tool_call = {"role": "assistant", "content": None, "tool_calls": [{"id": "t"}]}
    result = {"role": "tool", "tool_call_id": "t", "content": "42"}
    more = {"role": "user", "content": "and?"}
    calls = _calls(messages=[system, _USER, tool_call, result, _BOT, more, more, _BOT])
    assert [call.turn for call in calls] == [1, 1, 2]
    assert [call.output for call in calls] == [tool_call, _BOT, _BOT]
    assert [len(call.input) for call in calls] == [1, 3, 6]
    assert all(call.system == ["be brief"] for call in calls)


def test_a_given_duration_wins() -> None:
    (call,) = _calls(duration_ms=12, timestamp=1_700_000_000)
    assert (call.duration, call.timing) == (timedelta(milliseconds=12), Timing.GIVEN)
    assert call.start == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_the_time_between_question_and_answer_is_a_duration() -> None:
    asked, answered = {**_USER, "timestamp": 1_700_000_000}, {**_BOT, "timestamp": 1_700_000_003}
    (call,) = _calls(messages=[asked, answered])
    assert (call.duration, call.timing) == (timedelta(seconds=3), Timing.BETWEEN)
    assert call.start == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert call.input == [_USER]
    assert call.output == _BOT


def test_otherwise_it_is_nominal() -> None:
    (call,) = _calls()
    assert (call.duration, call.timing, call.start) == (nominal_duration(5), Timing.NOMINAL, None)
    assert nominal_duration(5) == timedelta(microseconds=220_000)


def test_what_a_chat_says_of_its_call_is_not_said_of_several() -> None:
    assert _calls(usage={"prompt_tokens": 3})[0].usage == {"prompt_tokens": 3}
    several = _calls(messages=[_USER, _BOT, _USER, {**_BOT, "usage": {"prompt_tokens": 4}}], usage={"prompt_tokens": 3})
    assert [call.usage for call in several] == [None, {"prompt_tokens": 4}]


def test_calls_of_a_chat_with_a_time_follow_each_other() -> None:
    first, second = _calls(messages=[_USER, _BOT, _USER, _BOT], timestamp=1_700_000_000)
    assert first.start is not None
    assert second.start == first.start + first.duration


# Pace


class _Time:
    def __init__(self) -> None:
        self.seconds = 0.0

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def test_a_pace_is_steady_and_makes_up_for_a_second_at_most() -> None:
    time = _Time()
    pace = Pace(10, lambda: time.seconds, time.sleep)
    for _ in range(11):
        pace.wait()
    assert time.seconds == pytest.approx(1.0)
    time.seconds += 100
    for _ in range(13):
        pace.wait()
    assert time.seconds == pytest.approx(101.2)


def test_no_pace_never_waits() -> None:
    time = _Time()
    pace = Pace(None, lambda: time.seconds, time.sleep)
    for _ in range(1000):
        pace.wait()
    assert time.seconds == 0


# Sending


def _replayed(
    *lines: bytes | None, suffixes: tuple[str, ...] = ("",), now: Callable[[], datetime] | None = None
) -> tuple[Summary, RecordingTransport, list[tuple[int, str]]]:
    client, recorded = recording_client("replay")
    complaints: list[tuple[int, str]] = []
    time = _Time()
    replay = Replay(
        client,
        Pace(None, lambda: 0.0, time.sleep),
        lambda number, why: complaints.append((number, why)),
        lambda _: None,
        now=now or (lambda: datetime(2026, 1, 1, tzinfo=UTC)),
    )
    for suffix in suffixes:
        replay.run((Line(number, line, 0) for number, line in enumerate(lines, 1)), suffix)
    return replay.finish(), recorded, complaints


def test_calls_arrive_as_the_file_has_them() -> None:
    summary, recorded, complaints = _replayed(
        _chat(conversation_id="c", provider="p", model="m", usage={"prompt_tokens": 5}, user="u", temperature=1)
    )
    (call,) = recorded.events("ModelCall")
    assert (call["conversation_id"], call["provider_name"], call["request_model"]) == ("c", "p", "m")
    assert call["status"] == "ok"
    assert call["user_key"] == "u"
    assert call["turn_id"] == "c/1"
    assert call["usage_input_tokens"] == 5
    assert call["usage_output_tokens"] is None
    assert json.loads(call["input_messages"]) == [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]
    assert json.loads(call["output_messages"])[0]["parts"] == [{"type": "text", "content": "hello"}]
    assert call["duration_us"] == 220_000
    assert call["event_time"] == call["start_time"] + 220_000 == 1_767_225_600_000_000
    assert call["attributes"] == {"turnlog.replayed": "true", "turnlog.duration": "nominal"}
    assert summary.complete
    assert not complaints
    assert (summary.chats, summary.calls, summary.timings) == (1, 1, {Timing.NOMINAL: 1})


def test_bad_lines_are_told_and_the_rest_is_sent() -> None:
    summary, recorded, complaints = _replayed(b"nope", _chat(), None)
    assert [number for number, _ in complaints] == [1, 3]
    assert len(recorded.events("ModelCall")) == 1
    assert summary.bad == 2
    assert not summary.complete


def test_rounds_have_conversations_of_their_own() -> None:
    _, recorded, _ = _replayed(_chat(conversation_id="c"), suffixes=("", "#2"))
    calls = recorded.events("ModelCall")
    assert [call["conversation_id"] for call in calls] == ["c", "c#2"]
    assert len({call["event_id"] for call in calls}) == 2


def test_more_than_the_client_would_queue_is_not_dropped() -> None:
    summary, recorded, _ = _replayed(*(_chat() for _ in range(12_000)))
    assert summary.result.sent == len(recorded.events("ModelCall")) == 12_000
    assert summary.result.dropped == 0


def test_the_calls_of_a_turn_share_a_trace() -> None:
    call: dict[str, Any] = {"role": "assistant", "content": None, "tool_calls": []}
    _, recorded, _ = _replayed(_chat(messages=[_USER, call, {"role": "tool", "content": "x"}, _BOT, _USER, _BOT]))
    one, two, three = (event["trace_id"] for event in recorded.events("ModelCall"))
    assert one == two != three
