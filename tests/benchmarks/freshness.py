"""From the chatbot's hand to the answer of a query: 500 calls a second through a whole stack."""

from __future__ import annotations

import statistics
import threading
import time

from benchmarks.samples import ANSWER, QUESTION
from benchmarks.servers import stack
from benchmarks.table import Row, Section
from turnlog.producers import Client
from turnlog.schemas import KafkaConnection
from turnlog.sinks import client as clickhouse

RATE, SECONDS, WARM_UP = 500, 20, 5


def measure() -> Section:
    """Send at a steady rate, look every 50 ms how many calls a query sees, and tell each call's delay from that."""
    with stack() as running:
        sent: list[float] = []
        turnlog = Client("freshness", connection=KafkaConnection(running.kafka))
        sender = threading.Thread(target=_send, args=(turnlog, sent))
        database = clickhouse(running.clickhouse)
        seen: list[tuple[float, int]] = []
        sender.start()
        while not seen or seen[-1][1] < RATE * (SECONDS + WARM_UP):
            count = int(database.query("SELECT count() FROM calls").result_rows[0][0])
            seen.append((time.perf_counter(), count))
            time.sleep(0.05)
        sender.join()
        turnlog.close(30)
    delays = _delays(sent, seen)[RATE * WARM_UP :]
    cuts = statistics.quantiles(delays, n=100)
    rows = [Row("from call to query", f"median {statistics.median(delays):.2f} s, p99 {cuts[98]:.2f} s")]
    return Section(f"freshness: {RATE} calls/s for {SECONDS} s, one worker, one sink", rows)


def _send(turnlog: Client, sent: list[float]) -> None:
    start = time.perf_counter()
    messages = [{"role": "user", "content": QUESTION}]
    for number in range(RATE * (SECONDS + WARM_UP)):
        ahead = start + number / RATE - time.perf_counter()
        if ahead > 0:
            time.sleep(ahead)
        with turnlog.call(provider="openai", model="gpt-4o", input=messages) as call:
            call.finish(output=ANSWER)
        sent.append(time.perf_counter())


def _delays(sent: list[float], seen: list[tuple[float, int]]) -> list[float]:
    """Return seconds until as many calls were seen as had been sent; at most one look too many."""
    delays, look = [], 0
    for number, moment in enumerate(sent, 1):
        while seen[look][1] < number:
            look += 1
        delays.append(max(0.0, seen[look][0] - moment))
    return delays
