"""How fast raw calls become clean ones: the Faust stage, a bare loop and Quix Streams, all calling one function."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import time

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.samples import model_call
from benchmarks.servers import kafka
from benchmarks.table import Row, Section, ratio, thousands
from turnlog.schemas import Encoder, KafkaConnection, uuid7
from turnlog.stack import topics

EVENTS, PARTITIONS = 12_000, 4
ROUNDS = 2
WAYS = {"faust": "Faust stage", "bare": "bare confluent-kafka loop", "quix": "Quix Streams"}


def measure() -> Section:
    """Refine the same calls in each way, in turns; the best of two rounds each."""
    best: dict[str, float] = {}
    with kafka() as bootstrap:
        for round_ in range(ROUNDS):
            for way in WAYS:
                best[way] = max(
                    best.get(way, 0.0), _events_per_second(way, KafkaConnection(bootstrap, f"{way}{round_}."))
                )
    rows = [
        Row(
            name,
            f"{thousands(best[way])} events/s",
            "" if way == "faust" else f"stage: {ratio(best['faust'], best[way], 'it')}",
        )
        for way, name in WAYS.items()
    ]
    return Section(f"processor stage: {EVENTS:,} calls of 1.5 kB, decoded, redacted, enriched, written", rows)


def _events_per_second(way: str, connection: KafkaConnection) -> float:
    topics.apply(connection, PARTITIONS)
    _fill(connection)
    environment = {
        **os.environ,
        "TURNLOG_KAFKA_BOOTSTRAP_SERVERS": connection.bootstrap_servers,
        "TURNLOG_TOPIC_PREFIX": connection.prefix,
        "TURNLOG_PSEUDONYM_KEY": secrets.token_hex(32),
    }
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.stage_runs", way], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            return _watch(connection, process)
        except RuntimeError:
            log.seek(0)
            sys.stderr.buffer.write(log.read()[-4000:])
            raise
        finally:
            process.kill()
            process.wait()


def _fill(connection: KafkaConnection) -> None:
    encoder, producer = Encoder("ModelCall"), Producer(connection.librdkafka(linger_ms=20))
    datum = model_call()
    for number in range(EVENTS):
        datum["event_id"], datum["sequence"] = uuid7(), number
        producer.produce(f"{connection.prefix}raw.calls", encoder.encode(datum), partition=number % PARTITIONS)
        producer.poll(0)
    producer.flush()


def _watch(connection: KafkaConnection, process: subprocess.Popen[bytes]) -> float:
    """Return the rate from the first tenth of the outputs to the last: start-up is not the stage's pace."""
    consumer = Consumer(connection.librdkafka(group_id="bench-watch"))
    places = [TopicPartition(f"{connection.prefix}calls", number) for number in range(PARTITIONS)]
    first: tuple[int, float] | None = None
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError("the measured process ended")
        done = sum(consumer.get_watermark_offsets(place, timeout=5)[1] for place in places)
        now = time.perf_counter()
        if first is None and done >= EVENTS // 10:
            first = done, now
        if first is not None and done >= EVENTS:
            consumer.close()
            return (done - first[0]) / (now - first[1])
        time.sleep(0.02)
    raise RuntimeError("the measured process did not finish")
