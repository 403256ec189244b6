"""Marked copies of an event in a raw topic of a real broker become one clean record."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from samples import PRODUCER, bare
from support import eventually
from turnlog.processors.batch import Batch, RawRecord
from turnlog.processors.lookback import LookBack
from turnlog.schemas import Encoder, KafkaConnection, load, uuid7
from turnlog.schemas.headers import PRODUCER as PRODUCER_HEADER
from turnlog.schemas.headers import REDELIVERY, get
from turnlog.stack import topics


@pytest.fixture
def worker(connection: KafkaConnection, tmp_path: Path) -> Iterator[KafkaConnection]:
    topics.apply(connection)
    environment = {
        "TURNLOG_KAFKA_BOOTSTRAP_SERVERS": connection.bootstrap_servers,
        "TURNLOG_TOPIC_PREFIX": connection.prefix,
        "TURNLOG_GROUP": f"{connection.prefix}processors",
        "TURNLOG_PSEUDONYM_KEY": "k" * 32,
    }
    with (tmp_path / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "turnlog.processors"], env={**os.environ, **environment}, stderr=log, stdout=log
        )
    yield connection
    process.kill()
    process.wait()


def headers(sequence: int, since_ms: int | None) -> list[tuple[str, str | bytes | None]]:
    origin: list[tuple[str, str | bytes | None]] = [(PRODUCER_HEADER, f"{PRODUCER}:{sequence}".encode())]
    return origin if since_ms is None else [*origin, (REDELIVERY, str(since_ms).encode())]


def test_copies_count_once(worker: KafkaConnection) -> None:
    now_ms = time.time_ns() // 1_000_000
    producer = Producer(worker.librdkafka(linger_ms=5))
    encoder = Encoder("LogRecord")
    schema = load("LogRecord")
    producer.produce(f"{worker.prefix}schemas", schema.to_json(), schema.fingerprint.hex())

    def put(sequence: int, since_ms: int | None, partition: int = 1) -> None:
        times = {"event_time": now_ms * 1000, "observed_time": now_ms * 1000, "event_id": uuid7()}
        value = encoder.encode(bare("LogRecord", **times, producer_id=PRODUCER, sequence=sequence))
        topic = f"{worker.prefix}raw.logs"
        producer.produce(topic, value, b"key", partition, headers=headers(sequence, since_ms))

    for sequence in range(3000):
        put(sequence, None)
    for sequence in range(2990, 3010):  # ten of them are there, ten are not
        put(sequence, now_ms)
    put(3005, now_ms)  # the heir of an heir
    put(7, None, partition=2)
    assert producer.flush(60) == 0

    def clean() -> list[tuple[int, bytes]]:
        found: list[tuple[int, bytes]] = []
        with closing(Consumer(worker.librdkafka(group_id="unused", enable_auto_commit=False))) as consumer:
            places = [TopicPartition(f"{worker.prefix}logs", number, OFFSET_BEGINNING) for number in range(4)]
            ends = sum(consumer.get_watermark_offsets(each, timeout=10)[1] for each in places)
            consumer.assign(places)
            while len(found) < ends:
                for message in consumer.consume(1000, 1):
                    assert message.error() is None
                    origin = get(message.headers() or [], PRODUCER_HEADER)  # type: ignore[arg-type]
                    found.append((message.partition() or 0, origin or b""))
        return found

    expected = [(1, f"{PRODUCER}:{sequence}".encode()) for sequence in range(3010)]

    def settled() -> bool:
        found = clean()
        return [each for each in found if each[0] == 1] == expected and (2, f"{PRODUCER}:7".encode()) in found

    assert eventually(settled, 90, 0.5)

    def behind() -> bool:
        with closing(Consumer(worker.librdkafka(group_id=f"{worker.prefix}processors"))) as consumer:
            place = TopicPartition(f"{worker.prefix}raw.logs", 1)
            (committed,) = consumer.committed([place], timeout=10)
            return bool(committed.offset == consumer.get_watermark_offsets(place, timeout=10)[1])

    assert eventually(behind, 30), "a batch that ends in doubles is not committed"

    marked = RawRecord(3020, now_ms + 1000, None, b"", [*headers(3005, now_ms)])  # type: ignore[list-item]
    assert LookBack(worker).doubles(Batch(f"{worker.prefix}raw.logs", 1, [marked])) == {3020}
    later = RawRecord(3020, now_ms + 10**9, None, b"", [*headers(3005, now_ms + 10**9)])  # type: ignore[list-item]
    assert LookBack(worker).doubles(Batch(f"{worker.prefix}raw.logs", 1, [later])) == frozenset()
