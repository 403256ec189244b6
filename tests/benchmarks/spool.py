"""What the spool costs and how fast it is: for the caller while Kafka is away, to the disk, and back."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from benchmarks.samples import ANSWER, QUESTION
from benchmarks.servers import kafka
from benchmarks.table import Row, Section, ratio, thousands
from turnlog.producers import Client, Limits, Message, Spool
from turnlog.producers.delivery.transport import Delivered
from turnlog.producers.spool.folder import Folder
from turnlog.producers.spool.journal import Draft, Journal
from turnlog.schemas import KafkaConnection
from turnlog.stack import topics

CALLS, EVENTS = 3000, 40_000
QUESTION_200, ANSWER_460 = (QUESTION * 2)[:200], ANSWER[:460]
NOWHERE = KafkaConnection("127.0.0.1:1")


class Taker:
    """A transport that takes and acknowledges everything, so that what is measured is the client."""

    def __init__(self) -> None:
        self.taken = 0
        self._due: deque[Delivered] = deque()

    def send(self, message: Message, delivered: Delivered) -> bool:
        self.taken += message.topic != "schemas"
        self._due.append(delivered)
        return True

    def poll(self, timeout: float) -> None:
        while self._due:
            self._due.popleft()(None, None)

    def flush(self, timeout: float) -> int:
        self.poll(timeout)
        return 0

    def abandon(self) -> None:
        """Nothing is ever undelivered here."""

    def close(self) -> None:
        """There is nothing to let go of."""

    def forget(self) -> None:
        """Same."""


def _log(client: Client) -> Callable[[], None]:
    messages = [{"role": "user", "content": QUESTION_200}]

    def call() -> None:
        with client.call(provider="openai", model="gpt-4o", input=messages) as one:
            one.finish(output=ANSWER_460, usage={"input_tokens": 50, "output_tokens": 110})

    return call


def _costs(call: Callable[[], None]) -> tuple[float, float]:
    """Median and p99 of what a call costs its caller, in microseconds."""
    spent = []
    for number in range(CALLS + 300):
        start = time.perf_counter_ns()
        call()
        spent.append((time.perf_counter_ns() - start) / 1000)
        if number % 100 == 99:
            time.sleep(0.001)  # a chatbot does other things between calls
    spent = spent[300:]
    return statistics.median(spent), statistics.quantiles(spent, n=100)[98]


def _caller(folder: Path) -> list[Row]:
    with kafka() as bootstrap:
        connection = KafkaConnection(bootstrap)
        topics.apply(connection)
        with Client("bench", connection=connection, spool=Spool(folder / "up")) as client:
            up = _costs(_log(client))
    away: dict[str, tuple[float, float]] = {}
    for name, spool in (("spool", Spool(folder / "down")), ("no spool", None)):
        client = Client("bench", connection=NOWHERE, spool=spool)
        away[name] = _costs(_log(client))
        client.close(0.5)
    return [
        Row("caller, Kafka up, spool on", f"median {up[0]:.1f} µs, p99 {up[1]:.1f} µs"),
        *(
            Row(
                f"caller, Kafka away, {name}",
                f"median {median:.1f} µs, p99 {p99:.1f} µs",
                f"{ratio(median, up[0], 'its median with Kafka up')}, {ratio(p99, up[1], 'its p99')}",
            )
            for name, (median, p99) in away.items()
        ),
    ]


def _written(path: Path) -> float:
    """Events a second from the caller to the disk: queue, encoding, writing."""
    client = Client("bench", connection=NOWHERE, spool=Spool(path), limits=Limits(queue_events=2 * EVENTS))
    call, start = _log(client), time.perf_counter()
    for _ in range(EVENTS):
        call()
    while client.result().spooled < EVENTS:
        time.sleep(0.01)
        assert not client.result().dropped, client.result()
    spent = time.perf_counter() - start
    client.close(0.1)
    return EVENTS / spent


def _taken() -> float:
    """Events a second from the caller to a Kafka client that takes all, without a spool."""
    taker = Taker()
    client = Client("bench", connect=lambda _: taker, limits=Limits(queue_events=2 * EVENTS))
    call, start = _log(client), time.perf_counter()
    for _ in range(EVENTS):
        call()
    while taker.taken < EVENTS:
        time.sleep(0.01)
    spent = time.perf_counter() - start
    client.close(10)
    return EVENTS / spent


def _replayed(path: Path) -> tuple[float, int]:
    """Events a second from the disk into a transport that takes all, and how many there were."""
    taker = Taker()
    start = time.perf_counter()
    client = Client("bench", connect=lambda _: taker, spool=Spool(path))
    while taker.taken < EVENTS:
        time.sleep(0.005)
    spent = time.perf_counter() - start
    client.close(10)
    return EVENTS / spent, taker.taken


def _appended(path: Path) -> float:
    """Events a second that the journal alone writes, 64 at a time."""
    folder = Folder.create(path, "bench", {})
    journal = Journal(folder, Spool(path), lambda *_: None)
    message = Message("raw.calls", b"c-17", os.urandom(1100), [("producer", b"x" * 40), ("content-type", b"y" * 16)])
    drafts = [Draft(number, 0, 1, message) for number in range(64)]
    start = time.perf_counter()
    for _ in range(EVENTS // 64):
        journal.append(drafts, 1)
    spent = time.perf_counter() - start
    journal.close()
    return EVENTS // 64 * 64 / spent


def _memory() -> int:
    """By how many MB a process grows that logs with neither Kafka nor disk until its queue is full."""
    program = """
import resource, sys
from pathlib import Path
from benchmarks.spool import NOWHERE, _log
from turnlog.producers import Client, Spool
client = Client("bench", connection=NOWHERE, spool=Spool("/proc/none"))
call = _log(client)
def rss():
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in line)
call()
before = rss()
while not client.result().dropped:
    call()
client.flush(1)
while client.result().dropped < 20000:
    call()
print((rss() - before) // 1024)
client.close(0.1)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


def measure() -> Section:
    """Measure all of it, each part with a spool of its own."""
    with tempfile.TemporaryDirectory(prefix="turnlog-bench-") as name:
        folder = Path(name)
        rows = _caller(folder)
        appended = _appended(folder / "journal")
        taken = _taken()
        written = _written(folder / "spool")
        replayed, count = _replayed(folder / "spool")
        rows += [
            Row("journal alone, 1.1 kB, 64 at a time", f"{thousands(appended)} events/s"),
            Row(
                "caller to disk: queue, encoding, writing",
                f"{thousands(written)} events/s",
                ratio(written, taken, "to a Kafka client that takes all at once"),
            ),
            Row("disk to Kafka client, by the next process", f"{thousands(replayed)} events/s", f"{count:,} messages"),
            Row(
                "memory at a full queue, no Kafka, no disk",
                f"{_memory()} MB more",
                f"limit: {Limits().queue_bytes // 2**20} MB twice",
            ),
        ]
    return Section(f"spool: {EVENTS:,} calls of 200 B in and 460 B out", rows)
