"""How many events a second one process gets to the broker: put into the queue, encoded, sent and acknowledged.

Two ways: as a chatbot does, by the client's methods in one thread, which shares the interpreter with the background
thread; and the background thread alone, from a queue that is full already, which is how fast an outage's backlog goes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.samples import ANSWER, QUESTION, sample
from benchmarks.servers import kafka
from benchmarks.table import Row, Section, ratio, thousands
from turnlog.producers import Client, Limits
from turnlog.schemas import Encoder, KafkaConnection, load
from turnlog.stack import topics

CALLS, LOGS = 20_000, 60_000
ROOM = Limits(queue_events=200_000, queue_bytes=1 << 30)
_SYSTEM = "You help customers of a kitchen shop." * 4
_BEFORE = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": QUESTION[:80]}]


class Times(NamedTuple):
    """Seconds on the wall's clock and of this process's processor time, its Kafka client's threads included."""

    wall: float
    processor: float


def full_call(client: Client) -> None:
    """Log a call that says all that one can: 1.8 kB as it is stored."""
    call = client.start_call(
        provider="openai",
        model="gpt-4o",
        input=[*_BEFORE, {"role": "user", "content": QUESTION}],
        system=_SYSTEM,
        prompt_name="support",
        prompt_version="14",
        temperature=0.2,
        max_tokens=800,
        attributes={"channel": "web", "locale": "en-GB"},
    )
    call.first_chunk()
    call.finish(
        output=ANSWER,
        response_model="gpt-4o-2024-05-13",
        response_id="chatcmpl-9aKJ2",
        finish_reason="stop",
        usage={"input_tokens": 412, "output_tokens": 163},
    )


def log_line(client: Client) -> None:
    """Log a line of about 300 bytes as it is stored."""
    client.info("looked up order 4711-22 in 12 ms", logger="shop.assistant", template="looked up order %s in %d ms")


def measure() -> Section:
    """Send calls and lines, each both ways."""
    rows = []
    with kafka() as bootstrap:
        connection = KafkaConnection(bootstrap)
        topics.apply(connection)
        for what, record, log, count in (
            ("full ModelCalls of 1.8 kB", "ModelCall", full_call, CALLS),
            ("log records of 0.3 kB", "LogRecord", log_line, LOGS),
        ):
            alone = _encoding(record)
            for way, spent in (
                ("from one thread", _through(connection, log, count)),
                ("from the queue", _backlog(connection, log, count)),
            ):
                each = spent.processor / count * 1e6
                figure = f"{thousands(count / spent.wall)} events/s, {each:.1f} µs of processor time each"
                beside = ratio(each, alone, f"fastavro's {alone:.1f} µs to encode one alone")
                rows.append(Row(f"{what}, {way}", figure, beside))
    return Section("throughput: events a second of one process, from put to the broker's acknowledgement", rows)


def _client(connection: KafkaConnection) -> Client:
    client = Client(service="bench", connection=connection, limits=ROOM)
    with client.conversation("warm-up"):
        full_call(client)
        log_line(client)
    client.flush(30)
    return client


def _through(connection: KafkaConnection, log: Callable[[Client], None], count: int) -> Times:
    client = _client(connection)
    start = _now()
    _chat(client, log, count)
    return _acknowledged(client, start)


def _backlog(connection: KafkaConnection, log: Callable[[Client], None], count: int) -> Times:
    # Not started before all is queued: what wakes the background thread is taken away for so long.
    client = Client(service="bench", connection=connection, limits=ROOM)
    intake = client._pipe._intake
    intake.asleep = False
    _chat(client, log, count)
    intake.asleep = True
    start = _now()
    client._pipe._wake()
    return _acknowledged(client, start)


def _chat(client: Client, log: Callable[[Client], None], count: int) -> None:
    for number in range(count // 10):
        with client.conversation(f"c-{number}", user_key="user-8841"), client.turn("3"):
            for _ in range(10):
                log(client)


def _acknowledged(client: Client, start: Times) -> Times:
    result = client.close(60)
    assert result.complete, result
    end = _now()
    return Times(end.wall - start.wall, end.processor - start.processor)


def _now() -> Times:
    return Times(time.perf_counter(), time.process_time())


def _encoding(record: str) -> float:
    """Return the microseconds of processor time that fastavro takes for such a record, the best of some rounds."""
    encoder, event = Encoder(load(record)), sample(record)
    best = math.inf
    for _ in range(5):
        start = time.process_time()
        for _ in range(1000):
            encoder.encode(event)
        best = min(best, time.process_time() - start)
    return best * 1e3
