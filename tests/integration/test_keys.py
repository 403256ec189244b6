"""Keys that are rotated and destroyed while a worker runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from samples import PRODUCER, bare
from support import eventually
from turnlog.processors.keys import KeyFile, new_ring
from turnlog.processors.redaction import Pseudonyms
from turnlog.processors.tail import Tail
from turnlog.schemas import Decoder, Encoder, KafkaConnection, SchemaStore, uuid7
from turnlog.schemas.headers import SOURCE, get, parse_source
from turnlog.sinks.audit import read_topic
from turnlog.stack import topics
from turnlog.stack.acts import record_key_act
from turnlog.stack.keyacts import destroy, rotate
from turnlog.stack.servers import KAFKA_VARIABLE, PREFIX_VARIABLE

PATIENCE = 120.0
MAIL = "ann@sample.org"


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    (file := KeyFile(tmp_path / "pseudonym.key")).create(new_ring)
    return file


@pytest.fixture
def worker(connection: KafkaConnection, file: KeyFile) -> Iterator[None]:
    topics.apply(connection, partitions=1)
    env = {
        **os.environ,
        "TURNLOG_KAFKA_BOOTSTRAP_SERVERS": connection.bootstrap_servers,
        "TURNLOG_TOPIC_PREFIX": connection.prefix,
        "TURNLOG_PSEUDONYM_KEY_FILE": str(file.path),
    }
    with file.path.with_name("worker.log").open("wb") as log:
        running = subprocess.Popen([sys.executable, "-m", "turnlog.processors"], env=env, stderr=log, stdout=log)
    yield
    running.kill()
    running.wait()


@pytest.mark.usefixtures("worker")
def test_a_running_worker_takes_a_new_epoch_at_its_time_and_forgets_what_is_destroyed(
    connection: KafkaConnection, file: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KAFKA_VARIABLE, connection.bootstrap_servers)
    monkeypatch.setenv(PREFIX_VARIABLE, connection.prefix)
    producer = Producer(connection.librdkafka(linger_ms=0))
    tail = Tail(connection, [f"{connection.prefix}logs"])
    decode = Decoder("LogRecord", SchemaStore()).decode
    written: list[tuple[int, str]] = []

    def last_token() -> str:
        """Send a record, and return the token in the latest that came out."""
        now_us = time.time_ns() // 1000
        fields = {"event_id": uuid7(), "event_time": now_us, "observed_time": now_us, "producer_id": PRODUCER}
        record = bare("LogRecord", **fields, tenant_id="acme", body=MAIL)
        producer.produce(f"{connection.prefix}raw.logs", Encoder("LogRecord").encode(record))
        assert producer.flush(60) == 0
        for message in tail.read_new():
            headers = message.headers()
            assert isinstance(headers, list)
            source = parse_source(get(headers, SOURCE))
            assert source is not None
            value = message.value()
            assert isinstance(value, bytes)
            written.append((source.timestamp_ms, decode(value)["body"]))
        return written[-1][1] if written else ""

    eventually(lambda: last_token().startswith("<EMAIL:k1-"), PATIENCE)
    ring = rotate(file, time.time_ns() // 1_000_000, 2000, record_key_act)
    eventually(lambda: last_token().startswith("<EMAIL:k2-"), PATIENCE)
    pseudonyms = Pseudonyms(ring)
    assert written == [(at, pseudonyms.at(at * 1000).token("EMAIL", MAIL, "acme")) for at, _ in written]
    destroy(file, time.time_ns() // 1_000_000, record_key_act, tenant="acme")
    eventually(lambda: last_token() == "<EMAIL:k2-00000000>", PATIENCE)
    assert all(re.fullmatch("<EMAIL:k[12]-[0-9a-f]{8}>", body) for _, body in written)
    acts = [(each["action"], each["outcome"]) for each in read_topic(connection)]
    assert sorted(acts) == [(f"keys.{act}", outcome) for act in ("destroy", "rotate") for outcome in ("begun", "done")]
