"""structlog, carried to a client."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnlog.producers.integrations.structlog import TurnlogProcessor
from turnlog.producers.testing import recording_client
from workbench import Bench


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    structlog.contextvars.clear_contextvars()
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def logger(*processors: Any) -> tuple[Any, list[Any]]:
    """Return a logger with these processors, and a list of what comes out at the end."""
    out: list[Any] = []

    class Out:
        name = "shop.answers"

        def msg(self, **event: Any) -> None:
            out.append(event)

        debug = info = warning = error = critical = exception = msg

    return structlog.wrap_logger(Out(), processors=list(processors), wrapper_class=structlog.stdlib.BoundLogger), out


@pytest.mark.parametrize(
    ("method", "log_type", "number", "text"),
    [
        ("debug", "debug", 5, "DEBUG"),
        ("info", "info", 9, "INFO"),
        ("warning", "info", 13, "WARNING"),
        ("error", "error", 17, "ERROR"),
        ("critical", "error", 21, "CRITICAL"),
    ],
)
def test_levels_decide_the_type(bench: Bench, method: str, log_type: str, number: int, text: str) -> None:
    log, _ = logger(TurnlogProcessor(bench.client))
    getattr(log, method)("hello")
    line = bench.only("LogRecord")
    assert (line["log_type"], line["severity_number"], line["severity_text"]) == (log_type, number, text)


def test_passes_the_event_on_unchanged(bench: Bench) -> None:
    log, out = logger(structlog.processors.add_log_level, TurnlogProcessor(bench.client))
    log.bind(conversation_id="c-1").info("answered", parcel="p-9", event_name="answer.sent", items=[1, 2])
    line = bench.only("LogRecord")
    assert out == [
        {
            "conversation_id": "c-1",
            "event": "answered",
            "parcel": "p-9",
            "event_name": "answer.sent",
            "items": [1, 2],
            "level": "info",
        }
    ]
    assert (line["body"], line["conversation_id"], line["event_name"]) == ("answered", "c-1", "answer.sent")
    assert line["logger_name"] == "shop.answers"
    assert line["attributes"] == {"parcel": "p-9", "items": "[1,2]"}


def test_drops_it_as_the_last_processor(bench: Bench) -> None:
    log, out = logger(TurnlogProcessor(bench.client, drop=True))
    log.info("answered")
    assert out == []
    assert bench.only("LogRecord")["body"] == "answered"


@pytest.mark.parametrize("merged", [True, False])
def test_context_that_was_bound(bench: Bench, merged: bool) -> None:
    before = [structlog.contextvars.merge_contextvars] if merged else []
    log, _ = logger(*before, TurnlogProcessor(bench.client))
    with structlog.contextvars.bound_contextvars(conversation_id="c-3", shop="s"), bench.client.turn("t-1"):
        log.info("x")
    line = bench.only("LogRecord")
    assert (line["conversation_id"], line["turn_id"], line["attributes"]) == ("c-3", "t-1", {"shop": "s"})


@pytest.mark.parametrize("rendered", [True, False])
def test_exceptions(bench: Bench, rendered: bool) -> None:
    before = [structlog.processors.format_exc_info] if rendered else []
    log, _ = logger(*before, TurnlogProcessor(bench.client))
    try:
        lose("parcel")
    except KeyError:
        log.exception("failed")
    line = bench.only("LogRecord")
    assert (line["exception_type"], line["exception_message"]) == ("KeyError", "'parcel'")
    assert "raise KeyError(what)" in line["exception_stacktrace"]
    assert "exception" not in line["attributes"]


def test_positional_arguments_stack_and_call_site(bench: Bench) -> None:
    log, _ = logger(
        structlog.processors.StackInfoRenderer(),
        structlog.processors.CallsiteParameterAdder(),
        TurnlogProcessor(bench.client),
    )
    log.info("parcel %s is at %d", "p-9", 3, stack_info=True)
    line = bench.only("LogRecord")
    assert line["body"] == "parcel p-9 is at 3"
    assert line["code_file"] == __file__
    assert line["code_function"] == "test_positional_arguments_stack_and_call_site"
    assert "test_structlog" in line["attributes"]["code.stacktrace"]


def test_arguments_that_do_not_fit(bench: Bench) -> None:
    log, _ = logger(TurnlogProcessor(bench.client))
    log.info("%d parcels", "many")
    line = bench.only("LogRecord")
    assert (line["body"], line["attributes"]) == ("%d parcels", {"logging.args": '["many"]'})


def test_security_events(bench: Bench) -> None:
    log, _ = logger(TurnlogProcessor(bench.client))
    log.warning("refused", security="authn_login_fail", source_ip="192.0.2.7")
    line = bench.only("LogRecord")
    assert (line["log_type"], line["security"]["event"]) == ("security", "authn_login_fail")
    assert line["security"]["source_ip"] == "192.0.2.7"


def test_what_is_about_turnlog_is_not_logged(bench: Bench) -> None:
    log, out = logger(TurnlogProcessor(bench.client))
    log.info("trouble", logger="turnlog")
    assert bench.events() == []
    assert len(out) == 1


def test_before_the_standard_librarys_logging(bench: Bench) -> None:
    structlog.configure(
        processors=[
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            TurnlogProcessor(bench.client),
            structlog.stdlib.render_to_log_kwargs,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    structlog.get_logger("shop.doors").warning("open", door=3)
    line = bench.only("LogRecord")
    assert (line["logger_name"], line["severity_text"], line["attributes"]) == ("shop.doors", "WARNING", {"door": "3"})


def test_after_a_renderer_the_text_is_the_body(bench: Bench) -> None:
    processor = TurnlogProcessor(bench.client)
    rendered: Any = '{"event":"x"}'
    assert processor(logging.getLogger("shop"), "info", rendered) == rendered
    assert bench.only("LogRecord")["body"] == rendered


def lose(what: str) -> None:
    raise KeyError(what)


class Rude:
    def __str__(self) -> str:
        raise RuntimeError

    def __bool__(self) -> bool:
        raise RuntimeError

    __repr__ = __str__


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters()), st.binary(), st.builds(Rude)
)
KEYS = st.sampled_from(
    ["event", "level", "logger", "exc_info", "exception", "stack", "positional_args", "level_number", "security"]
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(
    event=st.dictionaries(KEYS | st.text(max_size=4), ANYTHING | st.lists(ANYTHING, max_size=2), max_size=6),
    method=st.text(),
)
def test_whatever_an_event_holds(event: dict[str, Any], method: str) -> None:
    client, recorded = recording_client()
    given_event = dict(event)
    assert TurnlogProcessor(client)(None, method, event) is event
    assert list(event) == list(given_event)
    assert client.close(60).sent == len(recorded.events()) == 1
