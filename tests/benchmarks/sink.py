"""How fast clean calls get into their table: a sink worker beside the engine loading the same from a file."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import fastavro
from confluent_kafka import Producer

from benchmarks.samples import NOW_US, model_call
from benchmarks.servers import clickhouse, kafka
from benchmarks.table import Row, Section, ratio, thousands
from turnlog.schemas import Datum, Encoder, KafkaConnection, Source, load, uuid7
from turnlog.schemas.headers import SOURCE
from turnlog.sinks import client, migrate
from turnlog.sinks.splice import COORDINATES
from turnlog.stack import topics

ROWS, PARTITIONS, ROUNDS = 100_000, 4, 2
SETTINGS = {"input_format_avro_allow_missing_fields": 1}  # the table has columns of its own


def measure() -> Section:
    """Load the same calls in both ways, in turns; the best of two rounds each."""
    calls = [model_call() | {"event_id": uuid7(), "sequence": number} for number in range(ROWS)]
    sink = engine = 0.0
    with tempfile.TemporaryDirectory(prefix="turnlog-bench-") as folder, kafka() as bootstrap, clickhouse() as url:
        file = Path(folder) / "calls.avro"
        with file.open("wb") as out:
            fastavro.writer(out, _with_coordinates(), map(_placed, range(ROWS), calls), sync_interval=1_000_000)
        for round_ in range(ROUNDS):
            engine = max(engine, _engine(f"{url}/engine{round_}", file))
            sink = max(sink, _sink(KafkaConnection(bootstrap, f"sink{round_}."), f"{url}/sink{round_}", calls))
    return Section(
        f"sink: {ROWS:,} calls of 1.5 kB into one table",
        [
            Row("sink worker, from Kafka", f"{thousands(sink)} rows/s", f"sink: {ratio(sink, engine, 'the engine')}"),
            Row("engine, from an Avro file", f"{thousands(engine)} rows/s"),
        ],
    )


def _with_coordinates() -> dict[str, Any]:
    definition = dict(load("ModelCall").definition)
    return definition | {"fields": [*COORDINATES, *definition["fields"]]}


def _placed(number: int, call: Datum) -> Datum:
    partition, offset = _place(number)
    return call | {"source_partition": partition, "source_offset": offset, "source_time": NOW_US, "redaction_us": 250}


def _place(number: int) -> tuple[int, int]:
    return number % PARTITIONS, number // PARTITIONS


def _engine(url: str, file: Path) -> float:
    migrate(url)
    database = client(url)
    start = time.perf_counter()
    with file.open("rb") as block:
        database.raw_insert("calls", insert_block=block, fmt="Avro", settings=SETTINGS)
    spent = time.perf_counter() - start
    assert database.query("SELECT count() FROM calls").result_rows[0][0] == ROWS
    return ROWS / spent


def _sink(connection: KafkaConnection, url: str, calls: list[Datum]) -> float:
    topics.apply(connection, PARTITIONS)
    migrate(url)
    _fill(connection, calls)
    environment = {
        **os.environ,
        "TURNLOG_KAFKA_BOOTSTRAP_SERVERS": connection.bootstrap_servers,
        "TURNLOG_TOPIC_PREFIX": connection.prefix,
        "TURNLOG_CLICKHOUSE_URL": url,
        "TURNLOG_LOG_LEVEL": "ERROR",
    }
    database = client(url)
    process = subprocess.Popen([sys.executable, "-m", "turnlog.sinks"], env=environment)
    try:
        first: tuple[int, float] | None = None
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            rows = int(database.query("SELECT count() FROM calls").result_rows[0][0])
            now = time.perf_counter()
            if rows == ROWS and first is not None and rows > first[0]:
                return (rows - first[0]) / (now - first[1])
            # Counted from the first insert on: start-up is not the sink's pace.
            if rows and first is None:
                first = rows, now
            time.sleep(0.02)
        raise RuntimeError("the sink did not finish")
    finally:
        process.terminate()
        process.wait(30)


def _fill(connection: KafkaConnection, calls: list[Datum]) -> None:
    encoder, producer = Encoder("ModelCall"), Producer(connection.librdkafka(linger_ms=20))
    for number, call in enumerate(calls):
        partition, offset = _place(number)
        source = Source(f"{connection.prefix}raw.calls", partition, offset, NOW_US // 1000)
        producer.produce(
            f"{connection.prefix}calls", encoder.encode(call), partition=partition, headers={SOURCE: source.to_bytes()}
        )
        if number % 1000 == 0:
            producer.poll(0)
            while len(producer) > 50_000:
                producer.poll(0.1)
    producer.flush()
