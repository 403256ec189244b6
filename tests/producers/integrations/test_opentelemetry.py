"""Exporters and the processor, in OpenTelemetry's own SDK."""

from __future__ import annotations

import gc
import importlib
import logging
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import StatusCode, format_span_id, format_trace_id

from turnlog.producers import Client
from turnlog.producers.integrations.genai import DETAILS, EVALUATION
from turnlog.producers.integrations.opentelemetry import (
    TurnlogLogExporter,
    TurnlogLogProcessor,
    TurnlogSpanExporter,
    TurnlogSpanProcessor,
)
from turnlog.producers.integrations.opentelemetry import bridge as bridges
from turnlog.producers.testing import recording_client
from workbench import Bench

CALL = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}


class Otel:
    """An SDK whose spans and log records go to a client at once."""

    wait = 1000.0

    def __init__(self, client: Client, **options: Any) -> None:
        self.spans = TurnlogSpanExporter(client, **options)
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.spans))
        self.tracer = self.provider.get_tracer("shop.instrumentation")
        self.logs = TurnlogLogExporter(client, wait=self.wait)
        self.log_provider = LoggerProvider(shutdown_on_exit=False)
        self.log_provider.add_log_record_processor(SimpleLogRecordProcessor(self.logs))
        self.logger = self.log_provider.get_logger("shop.answers")


@pytest.fixture
def otel(bench: Bench) -> Iterator[Otel]:
    sdk = Otel(bench.client)
    yield sdk
    sdk.provider.shutdown()
    sdk.log_provider.shutdown()


def test_a_span_is_a_call(bench: Bench, otel: Otel) -> None:
    with otel.tracer.start_as_current_span("chat gpt-4o", attributes=CALL) as span:
        span.set_attribute("gen_ai.output.messages", '[{"role": "assistant", "parts": []}]')
    call = bench.only("ModelCall")
    context = span.get_span_context()
    assert (call["trace_id"], call["span_id"]) == (format_trace_id(context.trace_id), format_span_id(context.span_id))
    assert call["parent_span_id"] is None
    assert call["event_time"] == call["start_time"] + call["duration_us"]
    assert call["attributes"] == {"otel.scope.name": "shop.instrumentation"}


def test_errors_are_told(bench: Bench, otel: Otel) -> None:
    with (
        pytest.raises(ValueError, match="bad"),
        otel.tracer.start_as_current_span("chat", attributes=CALL | {"input.value": "x"}),
    ):
        raise ValueError("bad")
    call = bench.only("ModelCall")
    assert (call["status"], call["error_type"], call["error_message"]) == ("error", "ValueError", "ValueError: bad")


def test_messages_in_log_records_join_their_span(bench: Bench, otel: Otel) -> None:
    with otel.tracer.start_as_current_span("chat", attributes=CALL) as span:
        otel.logger.emit(LogRecord(event_name="gen_ai.user.message", body={"content": "hello"}))
        otel.logger.emit(
            LogRecord(
                event_name="gen_ai.choice", body={"index": 0, "finish_reason": "stop", "message": {"content": "hi"}}
            )
        )
        span.set_status(StatusCode.OK)
    call = bench.only("ModelCall")
    assert "hello" in call["input_messages"]
    assert '"hi"' in call["output_messages"]
    assert bench.events("LogRecord") == []


def test_a_call_without_messages_goes_on_without_them(bench: Bench, otel: Otel) -> None:
    with otel.tracer.start_as_current_span("chat", attributes=CALL):
        pass
    assert bench.events() == []
    otel.spans._bridge.joiner.wait = 0.01
    assert otel.spans.force_flush()
    assert bench.only("ModelCall")["input_messages"] is None


def test_shutting_the_log_exporter_down_ends_the_waiting(bench: Bench, otel: Otel) -> None:
    with otel.tracer.start_as_current_span("chat", attributes=CALL):
        pass
    otel.logs.shutdown()
    assert len(bench.events("ModelCall")) == 1
    with otel.tracer.start_as_current_span("chat", attributes=CALL):
        pass
    assert len(bench.events("ModelCall")) == 2


def test_without_spans_the_details_are_a_call(bench: Bench) -> None:
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(TurnlogLogExporter(bench.client)))
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("t")
    with tracer.start_as_current_span("chat"):
        provider.get_logger("x").emit(LogRecord(event_name=DETAILS, attributes=CALL | {"input.value": "hello"}))
    call = bench.only("ModelCall")
    assert (call["request_model"], "hello" in call["input_messages"]) == ("gpt-4o", True)


def test_the_details_of_a_span_that_is_not_sampled_are_a_call(bench: Bench, otel: Otel) -> None:
    unsampled = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False).get_tracer("t")
    with unsampled.start_as_current_span("chat"):
        otel.logger.emit(LogRecord(event_name=DETAILS, attributes=CALL))
    assert bench.only("ModelCall")["request_model"] == "gpt-4o"


def test_messages_whose_span_never_comes_are_lines(bench: Bench, otel: Otel) -> None:
    lost = TracerProvider(shutdown_on_exit=False).get_tracer("exported by nobody")
    with lost.start_as_current_span("chat"):
        otel.logger.emit(LogRecord(event_name="gen_ai.user.message", body={"content": "hello"}))
    otel.spans.shutdown()
    line = bench.only("LogRecord")
    assert (line["event_name"], line["body"]) == ("gen_ai.user.message", '{"content":"hello"}')


def test_evaluations(bench: Bench, otel: Otel) -> None:
    judged: dict[str, str | float] = {"gen_ai.evaluation.name": "helpfulness", "gen_ai.evaluation.score.value": 0.5}
    with otel.tracer.start_as_current_span("chat", attributes=CALL | {"input.value": "x"}) as span:
        otel.logger.emit(LogRecord(event_name=EVALUATION, attributes=judged))
        span.add_event(EVALUATION, judged)
    call = bench.only("ModelCall")
    assert [score["target_event_id"] for score in bench.events("Score")] == [call["event_id"]] * 2


def test_other_records_are_lines(bench: Bench, otel: Otel) -> None:
    with bench.client.conversation("c-1"):
        otel.logger.emit(
            LogRecord(
                severity_number=SeverityNumber.WARN, severity_text="WARN", body="careful", attributes={"floor": 2}
            )
        )
    line = bench.only("LogRecord")
    assert (line["body"], line["log_type"], line["severity_number"]) == ("careful", "info", 13)
    assert (line["logger_name"], line["conversation_id"], line["attributes"]) == ("shop.answers", "c-1", {"floor": "2"})


def test_exceptions_of_records(bench: Bench, otel: Otel) -> None:
    otel.logger.emit(LogRecord(severity_number=SeverityNumber.ERROR, body="failed", exception=KeyError("parcel")))
    line = bench.only("LogRecord")
    assert (line["log_type"], line["exception_type"], line["exception_message"]) == ("error", "KeyError", "'parcel'")


@pytest.mark.parametrize("name", ["turnlog", "confluent_kafka"])
def test_what_carries_the_events_is_not_logged(bench: Bench, otel: Otel, name: str) -> None:
    otel.log_provider.get_logger(name).emit(LogRecord(body="trouble"))
    assert bench.events() == []


@pytest.mark.parametrize("every", [False, True])
def test_spans_about_other_things(bench: Bench, every: bool) -> None:
    otel = Otel(bench.client, every_span=every)
    with otel.tracer.start_as_current_span("GET /"):
        pass
    assert [step["name"] for step in bench.events("Step")] == (["GET /"] if every else [])


def test_spans_belong_where_they_start(bench: Bench) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    processor = TurnlogSpanProcessor(bench.client)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("t")
    with bench.client.conversation("c-1", user_key="jane", attributes={"shop": "s"}), bench.client.turn("t-1"):
        tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "find"}
        with tracer.start_as_current_span("execute_tool find", attributes=tool):
            pass
        with tracer.start_as_current_span("chat", attributes=CALL | {"gen_ai.conversation.id": "c-2"}):
            pass
    assert provider.force_flush()
    step, call = bench.events()
    assert (step["conversation_id"], step["turn_id"], step["user_key"]) == ("c-1", "t-1", "jane")
    assert step["attributes"] == {"shop": "s", "otel.scope.name": "t"}
    assert (call["conversation_id"], call["turn_id"]) == ("c-2", "t-1")
    assert not processor._places
    provider.shutdown()


def test_spans_that_never_end_are_not_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnlog.producers.integrations.opentelemetry.processor._OPEN", 3)
    provider = TracerProvider(shutdown_on_exit=False)
    processor = TurnlogSpanProcessor(bench.client)
    provider.add_span_processor(processor)
    with bench.client.conversation("c-1"):
        spans = [provider.get_tracer("t").start_span("chat") for _ in range(5)]
    assert len(processor._places) == 3
    for span in spans:
        span.end()
    provider.shutdown()


def test_records_belong_where_they_are_logged(bench: Bench) -> None:
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(TurnlogLogProcessor(bench.client))
    log = provider.get_logger("shop")
    with bench.client.conversation("c-1", attributes={"shop": "s"}), bench.client.turn("t-1"):
        log.emit(LogRecord(body="x"))
        log.emit(LogRecord(event_name=EVALUATION, attributes={"gen_ai.evaluation.score.label": "good"}))
        log.emit(LogRecord(event_name=DETAILS, attributes=CALL))
    assert provider.force_flush()
    assert len(bench.events()) == 3
    for record in bench.events():
        assert (record["conversation_id"], record["turn_id"], record["attributes"]) == ("c-1", "t-1", {"shop": "s"})
    provider.shutdown()


def test_flushing_waits_for_delivery(bench: Bench) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(TurnlogSpanExporter(bench.client)))
    with provider.get_tracer("t").start_as_current_span("chat", attributes=CALL):
        pass
    provider.force_flush()
    assert bench.only("ModelCall")["request_model"] == "gpt-4o"
    provider.shutdown()


def test_a_defect_is_said_in_the_log_and_raises_nothing(
    bench: Bench, otel: Otel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("defect")

    monkeypatch.setattr(bridges, "records_of", broken)
    monkeypatch.setattr(bridges, "line_of", broken)
    with otel.tracer.start_as_current_span("tool", attributes={"gen_ai.tool.name": "find"}):
        pass
    otel.logger.emit(LogRecord(body="x"))
    assert [line["event_name"] for line in bench.events("LogRecord")] == ["turnlog.unreadable"] * 2


def test_one_client_for_exporters_made_without(monkeypatch: pytest.MonkeyPatch) -> None:
    client, recorded = recording_client()
    monkeypatch.setattr(bridges, "_default", [])
    monkeypatch.setattr(Client, "from_env", lambda: client)
    assert TurnlogSpanExporter()._bridge is TurnlogLogExporter()._bridge
    client.close()
    assert recorded.events() == []


def test_a_client_is_not_kept_by_its_exporters() -> None:
    client, _ = recording_client()
    TurnlogSpanExporter(client)
    before = len(bridges._bridges)
    del client
    gc.collect()
    assert len(bridges._bridges) < before


def test_opentelemetry_finds_the_exporters_by_name() -> None:
    root = next(each for each in Path(__file__).parents if (each / "pyproject.toml").is_file())
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert any(each.startswith("opentelemetry-sdk") for each in project["optional-dependencies"]["opentelemetry"])
    for group, exporter in (("traces", TurnlogSpanExporter), ("logs", TurnlogLogExporter)):
        module, _, name = project["entry-points"][f"opentelemetry_{group}_exporter"]["turnlog"].partition(":")
        assert getattr(importlib.import_module(module), name) is exporter


def test_without_opentelemetry_the_extra_is_named() -> None:
    code = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] == 'opentelemetry':
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
import importlib.util
real = importlib.util.find_spec
import turnlog.schemas.extras as extras
extras.find_spec = lambda name: None if name.startswith('opentelemetry') else real(name)
import turnlog.producers.integrations.genai, turnlog.producers.integrations.stdlib_logging
try:
    import turnlog.producers.integrations.opentelemetry
except ImportError as error:
    print(error)
"""
    out = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert "pip install 'turnlog[opentelemetry]'" in out


@pytest.mark.filterwarnings("ignore:.*LoggingHandler.*:DeprecationWarning")
def test_the_standard_librarys_logging_by_way_of_opentelemetry(bench: Bench, otel: Otel) -> None:
    log = logging.Logger("shop.by.otel")  # noqa: LOG001 - of no tree, for nobody else is to hear it
    log.addHandler(LoggingHandler(logger_provider=otel.log_provider))
    log.warning("parcel %s", "p-9", extra={"conversation_id": "c-1"})
    line = bench.only("LogRecord")
    assert (line["logger_name"], line["body"], line["severity_text"]) == ("shop.by.otel", "parcel p-9", "WARN")
    assert (line["code_file"], line["conversation_id"], line["attributes"]) == (__file__, "c-1", {})
