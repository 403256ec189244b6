"""Log records become lines; and whatever attributes hold, something is recorded that decodes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genai_spans import (
    CURRENT,
    OPENINFERENCE,
    SPAN,
    TRACE,
    TRACELOOP,
    event,
    span,
)
from turnlog.producers.integrations.genai import DETAILS, EVALUATION, Happening, line_of, records_of, write
from turnlog.producers.integrations.lines import write as write_line
from turnlog.producers.testing import recording_client
from workbench import START_US, Bench


def test_lines(bench: Bench) -> None:
    happening = Happening(
        "parcel.found",
        START_US,
        {
            "exception.type": "ValueError",
            "exception.message": "bad",
            "exception.stacktrace": "Traceback …",
            "code.file.path": "shop.py",
            "code.line.number": 7,
            "code.function.name": "find",
            "session.id": "s-1",
            "warehouse": "north",
        },
        {"parcel": "p-9"},
        TRACE,
        SPAN,
        17,
        "ERROR",
        "shop.answers",
        {"turn_id": "t-1", "attributes": {"shop": "s"}},
    )
    write_line(bench.client, *line_of(happening))
    line = bench.only("LogRecord")
    expected = {
        "log_type": "error",
        "severity_number": 17,
        "severity_text": "ERROR",
        "logger_name": "shop.answers",
        "event_name": "parcel.found",
        "event_time": START_US,
        "body": '{"parcel":"p-9"}',
        "trace_id": TRACE,
        "parent_span_id": SPAN,
        "conversation_id": "s-1",
        "turn_id": "t-1",
        "exception_type": "ValueError",
        "exception_message": "bad",
        "exception_stacktrace": "Traceback …",
        "code_file": "shop.py",
        "code_line": 7,
        "code_function": "find",
        "attributes": {"shop": "s", "warehouse": "north"},
    }
    assert {name: line[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("severity", "log_type"),
    [(None, "info"), (1, "debug"), (8, "debug"), (9, "info"), (16, "info"), (17, "error"), (24, "error"), (99, "info")],
)
def test_severities(bench: Bench, severity: int | None, log_type: str) -> None:
    write_line(bench.client, *line_of(Happening("", START_US, {}, "x", severity=severity)))
    assert bench.only("LogRecord")["log_type"] == log_type


class Rude:
    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __bool__ = __str__


NAMES = sorted({*CURRENT, *TRACELOOP, *OPENINFERENCE, "events", "gen_ai.prompt", "retrieval.documents.0.document.id"})
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters()), st.binary(), st.builds(Rude)
)
VALUES = st.recursive(
    SCALARS | st.sampled_from(['{"role": 1}', "[1, {}]", '[{"type": null}]', "[[]]", '{"choices": [3]}']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
ATTRIBUTES = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), VALUES, max_size=10)
EVENTS = st.lists(
    st.builds(
        event,
        st.sampled_from([DETAILS, EVALUATION, "gen_ai.choice", "gen_ai.tool.message", "gen_ai.content.prompt", "x"]),
        ATTRIBUTES,
        VALUES,
    ),
    max_size=3,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=80)
@given(attributes=ATTRIBUTES, events=EVENTS, said=EVENTS, failed=st.booleans(), line=EVENTS)
def test_whatever_the_attributes_hold(
    attributes: dict[str, Any], events: list[Happening], said: list[Happening], failed: bool, line: list[Happening]
) -> None:
    client, recorded = recording_client()
    for record in records_of(span(attributes, events=events, failed=failed), said, every=True):
        write(client, record)
    for each in line:
        write_line(client, *line_of(each))
    result = client.close(60)
    assert result.dropped == 0
    assert len(recorded.events()) == result.sent > 0
