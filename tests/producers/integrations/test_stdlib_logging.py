"""The standard library's logging, carried to a client."""

from __future__ import annotations

import copy
import logging
import logging.config
import logging.handlers
import pickle
import queue
import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnlog.producers import Client, SettingError
from turnlog.producers.integrations import stdlib_logging
from turnlog.producers.integrations.lines import severity_of_level
from turnlog.producers.integrations.stdlib_logging import TurnlogContext, TurnlogHandler
from turnlog.producers.testing import recording_client
from turnlog.schemas import Datum
from workbench import Bench

the_client, the_record = recording_client("configured")
"""What a dictConfig refers to."""


@pytest.fixture
def log(bench: Bench) -> logging.Logger:
    return alone(TurnlogHandler(bench.client))


def alone(handler: logging.Handler) -> logging.Logger:
    """Return a logger that nobody else listens to: the test runner's own handler minds what these tests log."""
    logger = logging.Logger("shop.answers", 1)  # noqa: LOG001 - not of the tree, where that handler would find it
    logger.addHandler(handler)
    return logger


def lose(what: str) -> None:
    raise KeyError(what)


class Rude:
    def __str__(self) -> str:
        raise RuntimeError("no text for you")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("level", "log_type", "number"),
    [
        (5, "debug", 2),
        (logging.DEBUG, "debug", 5),
        (logging.INFO, "info", 9),
        (25, "info", 12),
        (logging.WARNING, "info", 13),
        (logging.ERROR, "error", 17),
        (logging.CRITICAL, "error", 21),
    ],
)
def test_levels_decide_the_type(bench: Bench, log: logging.Logger, level: int, log_type: str, number: int) -> None:
    log.log(level, "hello")
    line = bench.only("LogRecord")
    assert (line["log_type"], line["severity_number"]) == (log_type, number)
    assert line["severity_text"] == logging.getLevelName(level)
    assert bench.recorded.recorded[0].message.topic == ("raw.debug" if log_type == "debug" else "raw.logs")


def test_severities_stay_within_opentelemetrys(bench: Bench) -> None:
    numbers = [severity_of_level(level) for level in range(-10, 200)]
    assert numbers == sorted(numbers)
    assert (numbers[0], numbers[-1]) == (1, 24)


def test_a_line_says_where_and_what(bench: Bench, log: logging.Logger) -> None:
    log.warning("parcel %s is at %d", "p-9", 3, extra={"warehouse": "north", "floor": 2})
    line = bench.only("LogRecord")
    assert line["body"] == "parcel p-9 is at 3"
    assert line["template"] == "parcel %s is at %d"
    assert line["logger_name"] == "shop.answers"
    assert line["code_file"] == __file__
    assert line["code_function"] == "test_a_line_says_where_and_what"
    assert line["code_line"] == test_a_line_says_where_and_what.__code__.co_firstlineno + 1
    assert line["attributes"] == {"warehouse": "north", "floor": "2"}


def test_the_time_is_the_records(bench: Bench, log: logging.Logger) -> None:
    record = log.makeRecord(log.name, logging.INFO, "f.py", 1, "late", (), None)
    record.created = 1_700_000_111.5
    log.handle(record)
    assert bench.only("LogRecord")["event_time"] == 1_700_000_111_500_000


def test_known_extras_are_fields(bench: Bench, log: logging.Logger) -> None:
    known = {"conversation_id": "c-2", "turn_id": "t-2", "user_key": "jane", "event_name": "parcel.found"}
    log.info("x", extra=known | {"tenant": "globex", "attributes": {"a": 1}, "event_id": "not ours"})
    line = bench.only("LogRecord")
    assert {name: line[name] for name in known} == known
    assert line["tenant_id"] == "globex"
    assert line["attributes"] == {"a": "1", "event_id": "not ours"}


def test_lines_belong_to_the_turn_and_call_around_them(bench: Bench, log: logging.Logger) -> None:
    client = bench.client
    with (
        client.conversation("c-1", user_key="jane", attributes={"shop": "s"}),
        client.turn("t-1") as turn,
        client.call(provider="p", model="m") as call,
    ):
        log.info("thinking", extra={"more": True})
    line = bench.only("LogRecord")
    assert (line["conversation_id"], line["turn_id"], line["user_key"]) == ("c-1", "t-1", "jane")
    assert (line["trace_id"], line["call_id"]) == (turn.trace_id, call.event_id)
    assert line["attributes"] == {"shop": "s", "more": "true"}


def test_exceptions_and_stacks(bench: Bench, log: logging.Logger) -> None:
    try:
        lose("parcel")
    except KeyError:
        log.exception("failed", stack_info=True)
    line = bench.only("LogRecord")
    assert (line["log_type"], line["exception_type"], line["exception_message"]) == ("error", "KeyError", "'parcel'")
    assert "raise KeyError(what)" in line["exception_stacktrace"]
    assert line["attributes"]["code.stacktrace"].startswith("Stack (most recent call last)")


@pytest.mark.parametrize(
    "extra",
    [
        {"security": "authn_login_fail"},
        {"security_event": "authn_login_fail"},
        {"security": True, "event_name": "authn_login_fail"},
        {"security": {"event": "authn_login_fail", "source_ip": "192.0.2.7"}},
    ],
)
def test_security_events(bench: Bench, log: logging.Logger, extra: dict[str, Any]) -> None:
    log.info("refused", extra=extra | {"category": "authn", "risk_score": 0.5, "door": "north"})
    line = bench.only("LogRecord")
    assert bench.recorded.recorded[0].message.topic == "raw.security"
    assert (line["log_type"], line["body"], line["severity_number"]) == ("security", "refused", 9)
    assert (line["security"]["event"], line["security"]["category"]) == ("authn_login_fail", "authn")
    assert line["attributes"] == {"door": "north"}


def test_loggers_of_security(bench: Bench) -> None:
    handler = TurnlogHandler(bench.client, security_loggers=["shop.security"])
    for name in ("shop.security", "shop.security.doors", "shop.securityless"):
        handler.handle(logging.LogRecord(name, logging.WARNING, "f.py", 1, "x", (), None))
    assert [line["log_type"] for line in bench.events("LogRecord")] == ["security", "security", "info"]
    assert bench.events("LogRecord")[1]["security"]["event"] == "shop.security.doors"


def test_threads_have_names(bench: Bench, log: logging.Logger) -> None:
    thread = threading.Thread(target=log.info, args=("x",), name="answerer-3")
    thread.start()
    thread.join()
    assert bench.only("LogRecord")["attributes"] == {"thread.name": "answerer-3"}


def test_ids_of_opentelemetrys_logging_instrumentation(bench: Bench, log: logging.Logger) -> None:
    noise = {"otelServiceName": "shop", "otelTraceSampled": True}
    log.info("in", extra=noise | {"otelTraceID": "0af7651916cd43dd8448eb211c80319c", "otelSpanID": "b7ad6b7169203331"})
    log.info("out", extra=noise | {"otelTraceID": "0", "otelSpanID": "0"})
    inside, outside = bench.events("LogRecord")
    assert (inside["trace_id"], inside["parent_span_id"]) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    assert outside["trace_id"] is None
    assert inside["attributes"] == outside["attributes"] == {}


@pytest.mark.parametrize("name", ["turnlog", "turnlog.anything", "confluent_kafka.producer", "librdkafka"])
def test_what_carries_the_events_is_not_logged(bench: Bench, name: str) -> None:
    TurnlogHandler(bench.client).handle(logging.LogRecord(name, logging.ERROR, "f.py", 1, "trouble", (), None))
    assert bench.events() == []


def test_a_message_that_logs_does_not_recurse(bench: Bench, log: logging.Logger) -> None:
    class Talkative:
        def __str__(self) -> str:
            log.info("asked: %s", self)
            return "me"

    log.info("%s", Talkative())
    assert bench.only("LogRecord")["body"] == "me"


def test_an_extra_that_logs_when_it_is_written_does_not_start_over(bench: Bench, log: logging.Logger) -> None:
    class Talkative:
        def __str__(self) -> str:
            log.info("asked", extra={"who": self})
            return "me"

    log.info("x", extra={"who": Talkative()})
    bench.client.flush()
    assert bench.only("LogRecord")["attributes"] == {"who": "me"}


def test_arguments_that_do_not_fit(bench: Bench, log: logging.Logger) -> None:
    log.info("%d parcels", "many")
    line = bench.only("LogRecord")
    assert line["body"] == "%d parcels"
    assert line["attributes"]["logging.args"] == '["many"]'
    assert line["attributes"]["logging.error"].startswith("TypeError")


def test_values_that_can_not_be_read(bench: Bench, log: logging.Logger) -> None:
    log.info("%s", Rude())
    log.info(Rude(), extra={"rude": Rude(), "kind": "x"})
    log.info("half \ud800 a pair", extra={"half": "\ud800"})
    first, second, third = bench.events("LogRecord")
    assert first["attributes"]["logging.args"] == '["<Rude>"]'
    assert second["body"] == "<Rude>"
    assert second["attributes"]["kind"] == "x"
    assert (third["body"], third["attributes"]["half"]) == ("half � a pair", "�")


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters()), st.binary(), st.builds(Rude)
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(
    message=ANYTHING,
    args=st.lists(ANYTHING, max_size=3).map(tuple),
    extra=st.dictionaries(
        st.sampled_from(["security", "security_event", "attributes", "tenant", "event_time", "turnlog_context", "x"])
        | st.text(max_size=4),
        ANYTHING | st.dictionaries(st.text(max_size=5), ANYTHING, max_size=2),
        max_size=5,
    ),
)
def test_whatever_a_record_holds(message: Any, args: tuple[Any, ...], extra: dict[str, Any]) -> None:
    client, recorded = recording_client()
    record = logging.LogRecord("any", logging.INFO, "f.py", 1, message, (), None)
    record.args = args
    record.__dict__.update(extra)
    TurnlogContext().filter(copy.copy(record))
    TurnlogHandler(client).handle(record)
    assert client.close(60).sent == len(recorded.events()) == 1


def test_what_fails_all_the_same_is_said_as_logging_says_it(
    bench: Bench, log: logging.Logger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stdlib_logging, "write", lambda *_: 1 / 0)
    log.info("x")
    assert "ZeroDivisionError" in capsys.readouterr().err


def configured(client: str | None) -> dict[str, Any]:
    handler = {"class": "turnlog.producers.integrations.stdlib_logging.TurnlogHandler", "level": "INFO"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"turnlog": handler | ({"client": client} if client else {})},
        "loggers": {"shop.configured": {"handlers": ["turnlog"], "level": "DEBUG", "propagate": False}},
    }


def test_configured_by_a_dict(monkeypatch: pytest.MonkeyPatch) -> None:
    logging.config.dictConfig(configured(f"ext://{__name__}.the_client"))
    log = logging.getLogger("shop.configured")
    log.info("hello")
    log.debug("too fine")
    log.handlers[0].flush()
    assert [line["body"] for line in the_record.events()] == ["hello"]
    for handler in log.handlers:
        handler.close()
    log.handlers.clear()
    assert the_client.info("still open")
    assert the_client.flush().pending == 0


def test_a_client_of_its_own_closes_with_the_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    client, _ = recording_client()
    monkeypatch.setattr(Client, "from_env", lambda: client)
    handler = TurnlogHandler()
    handler.handle(logging.LogRecord("x", logging.INFO, "f.py", 1, "hello", (), None))
    handler.close()
    client.info("late")
    assert client.result().reasons == {"closed": 1}


def test_without_a_client_the_environment_must_describe_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TURNLOG_SERVICE", raising=False)
    with pytest.raises(SettingError, match="TURNLOG_SERVICE"):
        TurnlogHandler()


def queued(bench: Bench, *, through: Any = lambda record: record) -> Datum:
    """Log from inside a turn by way of a queue, and return the line."""
    waiting: queue.Queue[Any] = queue.Queue()
    sender = logging.handlers.QueueHandler(waiting)
    sender.addFilter(TurnlogContext())
    with bench.client.conversation("c-1", attributes={"shop": "s"}), bench.client.turn("t-1"):
        try:
            lose("parcel")
        except KeyError:
            alone(sender).exception("parcel %s", "p-9")
    listener = threading.Thread(target=lambda: TurnlogHandler(bench.client).handle(through(waiting.get())))
    listener.start()
    listener.join()
    return bench.only("LogRecord")


@pytest.mark.parametrize("through", [lambda record: record, lambda record: pickle.loads(pickle.dumps(record))])
def test_behind_a_queue_the_context_is_kept(bench: Bench, through: Any) -> None:
    line = queued(bench, through=through)
    assert (line["conversation_id"], line["turn_id"], line["template"]) == ("c-1", "t-1", "parcel %s")
    assert (line["exception_type"], line["exception_message"]) == ("KeyError", "'parcel'")
    assert "raise KeyError(what)" in line["exception_stacktrace"]
    assert line["attributes"]["shop"] == "s"
    assert line["code_function"] == "queued"


def test_many_threads(bench: Bench, log: logging.Logger) -> None:
    def run() -> None:
        for each in range(50):
            log.info("line %d", each)

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = bench.events("LogRecord")
    assert len(lines) == 1000
    assert sorted(line["sequence"] for line in lines) == list(range(1000))
