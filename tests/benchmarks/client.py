"""What one call costs the chatbot's thread, beside an OpenTelemetry SDK span and a Langfuse generation.

All record the same call (200 B in, 460 B out, six attributes), in turns of one run and one process, with their own
background threads at work: turnlog's sends to a local Kafka, another tries to reach one that is not there, the
others' send to a local HTTP server that takes all.
"""

from __future__ import annotations

import http.server
import logging
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import psutil
from langfuse import Langfuse
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from benchmarks.samples import ANSWER, QUESTION
from benchmarks.servers import kafka
from benchmarks.table import Row, Section, ratio
from turnlog.producers import Client
from turnlog.schemas import KafkaConnection
from turnlog.stack import topics
from turnlog.stack.ports import free_port

QUESTION_200, ANSWER_460 = (QUESTION * 2)[:200], ANSWER[:460]
CALLS, TURN = 3000, 100
UP, DOWN, FLAPPING = "turnlog call, Kafka up", "turnlog call, Kafka down", "turnlog call, Kafka flapping"
OTEL, LANGFUSE = "OpenTelemetry span", "Langfuse generation"


class Figures(NamedTuple):
    """Microseconds of a call."""

    median: float
    p99: float


class _TakesAll(http.server.BaseHTTPRequestHandler):
    """Answers every export with an empty success."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@contextmanager
def _collector() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _TakesAll)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()


@contextmanager
def _opentelemetry(url: str) -> Iterator[Callable[[], None]]:
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces")))
    tracer = provider.get_tracer("bench")

    def call() -> None:
        with tracer.start_as_current_span("chat gpt-4o") as span:
            span.set_attribute("gen_ai.provider.name", "openai")
            span.set_attribute("gen_ai.request.model", "gpt-4o")
            span.set_attribute("gen_ai.usage.input_tokens", 50)
            span.set_attribute("gen_ai.usage.output_tokens", 110)
            span.set_attribute("gen_ai.input.messages", QUESTION_200)
            span.set_attribute("gen_ai.output.messages", ANSWER_460)

    yield call
    provider.shutdown()


@contextmanager
def _langfuse(url: str) -> Iterator[Callable[[], None]]:
    client = Langfuse(public_key="pk-lf-bench", secret_key="sk-lf-bench", base_url=url)

    def call() -> None:
        with client.start_as_current_observation(
            name="chat", as_type="generation", model="gpt-4o", input=QUESTION_200
        ) as generation:
            generation.update(output=ANSWER_460, usage_details={"input": 50, "output": 110})

    yield call
    client.shutdown()


@contextmanager
def _turnlog(bootstrap: str, *, up: bool) -> Iterator[Callable[[], None]]:
    client = Client(service="bench", connection=KafkaConnection(bootstrap))
    messages = [{"role": "user", "content": QUESTION_200}]

    def call() -> None:
        with client.call(provider="openai", model="gpt-4o", input=messages) as one:
            one.finish(output=ANSWER_460, usage={"input_tokens": 50, "output_tokens": 110})

    yield call
    result = client.close(30 if up else 0.5)
    assert result.dropped == 0, result
    assert (result.failed == 0) is up, result


@contextmanager
def _flapping() -> Iterator[None]:
    """Stop the broker's processes and let them go on, half a second each, until the block ends."""
    brokers = psutil.Process().children(recursive=True)
    over = threading.Event()

    def flap() -> None:
        while not over.wait(0.5):
            for each in brokers:
                each.suspend()
            over.wait(0.5)
            for each in brokers:
                each.resume()

    thread = threading.Thread(target=flap)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def measure() -> Section:
    """Time every call of each client, in turns; then again while the broker comes and goes."""
    for name in ("langfuse", "opentelemetry", "turnlog"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with kafka() as bootstrap, _collector() as url, _opentelemetry(url) as otel, _langfuse(url) as langfuse:
        topics.apply(KafkaConnection(bootstrap))
        peers = {OTEL: otel, LANGFUSE: langfuse}
        with _turnlog(bootstrap, up=True) as up, _turnlog(f"127.0.0.1:{free_port()}", up=False) as down:
            steady = _figures({UP: up, DOWN: down, **peers}, CALLS)
        with _turnlog(bootstrap, up=True) as mine, _flapping():
            flapping = _figures({FLAPPING: mine, **peers}, CALLS // 2)
    rows = [row for figures in (steady, flapping) for row in _rows(figures)]
    return Section(f"client: cost of a call for its caller, {CALLS} calls each, half as many in the last run", rows)


def _figures(clients: Mapping[str, Callable[[], None]], calls: int) -> dict[str, Figures]:
    costs: dict[str, list[int]] = {name: [] for name in clients}
    for round_ in range(calls // TURN + 3):
        for name, call in clients.items():
            spent = _timed(call)
            if round_ >= 3:  # the first rounds warm up
                costs[name] += spent
    return {
        name: Figures(statistics.median(spent) / 1000, statistics.quantiles(spent, n=100)[98] / 1000)
        for name, spent in costs.items()
    }


def _rows(figures: Mapping[str, Figures]) -> list[Row]:
    mine = {name: each for name, each in figures.items() if name not in (OTEL, LANGFUSE)}
    return [
        Row(
            name,
            f"median {each.median:.1f} µs, p99 {each.p99:.1f} µs",
            ""
            if name in mine
            else "; ".join(
                f"{own}: {ratio(cost.median, each.median, 'its median')}, {ratio(cost.p99, each.p99, 'its p99')}"
                for own, cost in mine.items()
            ),
        )
        for name, each in figures.items()
    ]


def _timed(call: Callable[[], None]) -> list[int]:
    spent = []
    for _ in range(TURN):
        start = time.perf_counter_ns()
        call()
        spent.append(time.perf_counter_ns() - start)
        time.sleep(0.001)  # a chatbot does other things between calls; back to back, background threads pile up
    return spent
