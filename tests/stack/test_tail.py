"""Which clean events `turnlog tail` shows, and how."""

from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest

from turnlog.schemas import SettingError, Source, load, money_to_bytes
from turnlog.schemas.topics import clean_topics
from turnlog.stack.tail import Event, Marks, Selection, line_of, to_plain
from turnlog.stack.tail.event import TYPES
from turnlog.stack.tail.show import text_of


def _call(**fields: Any) -> Event:
    record = {
        "event_time": 1_700_000_000_123_456,
        "service_name": "bot",
        "conversation_id": "c1",
        "status": "ok",
        "error_type": None,
        "request_model": "m",
        "model_version_id": None,
        "duration_us": 812_300,
        "usage_input_tokens": 12,
        "usage_output_tokens": 34,
        "cost": money_to_bytes(Decimal("0.00120")),
        "cost_currency": "USD",
        "output_messages": '[{"role":"assistant","parts":[{"type":"text","content":"two\\nlines"}]}]',
        **fields,
    }
    return Event("calls", 0, 0, 0, None, record)


def test_a_call_on_a_line() -> None:
    line = line_of(_call(), UTC).plain
    assert line == "22:13:20.123 call       bot [c1] m ok 812 ms 12→34 tokens 0.0012 USD two lines"


def test_a_line_is_one_line_whatever_an_event_holds() -> None:
    line = line_of(_call(service_name="b\x1b[2J\no", conversation_id="\n", output_messages="\x07 no json"), UTC).plain
    assert "\n" not in line
    assert "\x1b" not in line
    assert "\x07" not in line


def test_unreadable_messages_are_shown_as_they_are() -> None:
    assert text_of("[1]") == "[1]"
    assert text_of(None) == ""


def test_an_error_is_red() -> None:
    assert any(span.style == "red" for span in line_of(_call(status="error", error_type="E")).spans)
    assert not any(span.style == "red" for span in line_of(_call()).spans)


def test_every_clean_topic_has_a_type() -> None:
    assert {topic for topic, _ in TYPES.values()} == {topic.name for topic in clean_topics()}
    assert set(Selection().topics) == {topic.name for topic in clean_topics()}


def test_selections() -> None:
    assert Selection(("error", "info", "call")).topics == ("logs", "calls")
    assert Selection(("call",)).wants(_call())
    assert not Selection(("log",)).wants(_call())
    assert Selection(conversation="c1").wants(_call())
    assert not Selection(conversation="c2").wants(_call())
    error = Event("logs", 0, 0, 0, None, {"log_type": "error", "conversation_id": None})
    assert Selection(("error",)).wants(error)
    assert not Selection(("info",)).wants(error)
    assert Selection(("log",)).wants(error)
    with pytest.raises(SettingError, match="there are call, step"):
        Selection(("calls",))


def test_marks_let_each_source_pass_once() -> None:
    marks = Marks()
    offsets = [0, 1, 2, 1, 2, 3, 0, 4]
    assert [marks.is_new(Source("t", 0, offset, 0)) for offset in offsets] == [
        True, True, True, False, False, True, False, True,
    ]  # fmt: skip
    assert marks.is_new(Source("t", 1, 0, 0))
    assert marks.is_new(None)


def test_plain_values_follow_logical_types() -> None:
    schema = load("ModelVersion")
    plain = to_plain(
        schema,
        {
            "event_time": 1_700_000_000_000_001,
            "ingest_time": None,
            "prices": [{"unit": "input_token", "amount": money_to_bytes(Decimal(3)), "per": 1, "valid_from": 0}],
            "tags": {"a": "b"},
        },
    )
    assert plain["event_time"] == "2023-11-14T22:13:20.000001+00:00"
    assert plain["ingest_time"] is None
    assert plain["prices"][0]["amount"] == "3.000000000"
    assert plain["prices"][0]["valid_from"].startswith("1970-01-01")
    assert plain["tags"] == {"a": "b"}
