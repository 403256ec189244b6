"""Sink workers on a real broker and a real engine: every record in its table, once, whatever happens to the workers."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from samples import NOW_US, PRODUCER, bare, sample
from sinkbench import TIME_MS, SinkBench
from support import eventually
from turnlog.schemas import Encoder, KafkaConnection, Origin, Schema, Source, load, released, uuid7
from turnlog.sinks import migrate
from turnlog.sinks.routes import ROUTES
from turnlog.sinks.seal import Position
from turnlog.stack import topics

pytestmark = pytest.mark.timeout(240)

COORDINATES = {"source_partition": 1, "source_offset": 41}


@pytest.fixture
def bench(connection: KafkaConnection, clickhouse: str, database: str, tmp_path: Path) -> Iterator[SinkBench]:
    made = SinkBench(connection, clickhouse, database, tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def ready(bench: SinkBench) -> SinkBench:
    bench.prepare()
    return bench


def calls(number: int, first: int = 0) -> list[bytes]:
    encoder = Encoder("ModelCall")
    return [
        encoder.encode(bare("ModelCall", producer_id=PRODUCER, sequence=each)) for each in range(first, first + number)
    ]


def test_every_record_reaches_its_table_whole_and_bare(ready: SinkBench) -> None:
    for route in ROUTES.values():
        encoder = Encoder(route.record)
        partition = 0 if route.topic == "audit" else 1
        source = Source(f"raw.{route.topic}", 1, 41, TIME_MS)
        tags = {"source": source, "stage": "redact"} if route.topic == "dlq" else {"source": source}
        key = {"model_version_id": "other"} if route.topic == "models" else {}
        keys = {"source_offset": 42} if route.topic == "dlq" else {}
        late = {"pane_start": NOW_US + 10**7} if route.topic == "panes" else {}
        late |= {"window_end": NOW_US + 10**7} if route.topic == "rolling" else {}
        ready.send(route.topic, encoder.encode(sample(route.record)), partition, **tags)
        ready.send(
            route.topic,
            encoder.encode(bare(route.record, **key, **keys, **late)),
            partition,
            **{**tags, "source": source._replace(offset=42)},
        )
    ready.flush()
    ready.start()
    for route in ROUTES.values():
        ready.wait_for(route.table, 2)
        rows = ready.rows(f"SELECT * FROM {route.table}")
        assert len(rows) == 2, route.table
        if route.coordinates:
            assert {row["source_offset"] for row in rows} == {41, 42}
            assert {row["source_partition"] for row in rows} == {1}
            assert {int(row["source_time"].timestamp() * 1000) for row in rows} == {TIME_MS}
            assert sorted(str(row["service_name"]) for row in rows) == ["service_name-ü", "unknown"]
            whole = next(row for row in rows if row["service_name"] != "unknown")
            assert whole["attributes"] == {"one": "attributes-ü"}
            assert whole["redaction_hits"] == {"one": 70}
    call = ready.rows("SELECT * FROM calls WHERE service_name != 'unknown'")[0]
    assert str(call["cost"]) == "1.250000000"
    assert call["input_messages"] == "input_messages-ü"
    step = ready.rows("SELECT documents, document_refs FROM steps WHERE service_name != 'unknown'")[0]
    assert step["documents"] == [
        {"id": "id-ü", "source": "source-ü", "version": "version-ü", "score": 0.5, "text": "text-ü"}
    ]
    assert "text" not in step["document_refs"][0]
    security = ready.rows("SELECT security FROM security ORDER BY service_name = 'unknown'")
    assert security[0]["security"]["event"] == "event-ü"
    assert security[1]["security"]["event"] == ""
    assert ready.rows("SELECT latency FROM panes WHERE calls > 0")[0]["latency"] == {-3: 70}
    assert "payload" not in ready.rows("SELECT * FROM dead_letters")[0]


def test_the_texts_of_a_call_are_those_that_were_sent(ready: SinkBench) -> None:
    said = 'a "quote", a\ttab,\na line, \\ and 🙂 <EMAIL:k1-00>'

    def message(role: str, *texts: str) -> dict[str, object]:
        return {"role": role, "parts": [{"type": "text", "content": text} for text in texts]}

    asked = json.dumps([message("user", "first"), message("assistant", "so"), message("user", said)])
    answered = json.dumps([message("assistant", said, "more")], ensure_ascii=False)
    record = bare("ModelCall", input_messages=asked, output_messages=answered, duration_us=1500)
    ready.send_all("calls", [Encoder("ModelCall").encode(record)])
    ready.start()
    ready.wait_for("calls", 1)
    row = ready.rows("SELECT input_text, output_text, last_user_text, latency_ms FROM calls")[0]
    assert row == {
        "input_text": f"first\nso\n{said}",
        "output_text": f"{said}\nmore",
        "last_user_text": said,
        "latency_ms": 1.5,
    }


def test_what_a_writer_repeats_is_stored_once(ready: SinkBench) -> None:
    values = calls(100)
    ready.send_all("calls", values[:60])
    ready.start()
    ready.wait_for("calls", 60)
    ready.send_all("calls", values[20:], first=20)
    ready.send_all("calls", values[50:], first=50)
    ready.wait_for("calls", 100)
    assert ready.stop() == 0
    ready.send_all("calls", values)
    ready.send_all("calls", calls(1, 100), first=100)
    ready.start()
    ready.wait_for("calls", 101)
    assert ready.count("calls") == 101


def test_old_and_unheard_of_schemas_are_stored(ready: SinkBench) -> None:
    old = released()[1]["ModelCall"]
    newer = dict(load("ModelCall").definition)
    newer["fields"] = [*newer["fields"], {"name": "mood", "type": ["null", "string"], "default": None}]
    unheard = Schema.of(newer)
    ready.send_all("calls", [Encoder(old).encode(sample(old)) for _ in range(3)])
    ready.send_all("calls", calls(3), first=3)
    ready.send("schemas", unheard.to_json().encode(), key=unheard.fingerprint.hex().encode())
    ready.send_all("calls", [Encoder(unheard).encode(sample(unheard, event_id=uuid7())) for _ in range(3)], first=6)
    ready.start()
    ready.wait_for("calls", 9)
    assert ready.count("calls WHERE agent_name = 'agent_name-ü'") == 3
    assert ready.count("dead_letters") == 0


def test_poison_becomes_dead_letters_and_the_rest_is_stored(ready: SinkBench) -> None:
    encoder = Encoder("ModelCall")
    values: list[bytes] = calls(200)
    broken = {
        3: (b"", "EmptyPayloadError"),
        10: (random.Random(1).randbytes(50), "BadMagicError"),
        20: (b"\xc3\x01" + b"\x00" * 8 + b"x", "UnknownSchemaError"),
        50: (Encoder("Step").encode(bare("Step")), "WrongRecordError"),
        77: (values[77][:-3], "TruncatedError"),
        100: (values[100] + b"tail", None),
        120: (encoder.encode(bare("ModelCall", event_id="no uuid")), "InvalidDatumError"),
        199: (encoder.encode(bare("ModelCall", producer_id="neither")), "InvalidDatumError"),
    }
    for number, value in enumerate(values):
        bad = broken.get(number)
        ready.send("calls", bad[0] if bad else value, source=number, origin=Origin(PRODUCER, number))
    ready.send("calls", None, source=200)
    ready.flush()
    ready.start()
    poison = {number: name for number, (_, name) in broken.items() if name}
    ready.wait_for("dead_letters", len(poison))
    ready.wait_for("calls", 200 - len(poison))
    letters = ready.rows("SELECT * FROM dead_letters ORDER BY source_offset")
    topic = f"{ready.connection.prefix}calls"
    assert {(each["source_topic"], each["source_partition"], each["stage"]) for each in letters} == {(topic, 0, "sink")}
    assert {each["source_offset"]: each["error_class"] for each in letters} == poison
    assert ready.count("calls") == 200 - len(poison)
    # The account's parts are written a moment after the rows that they are made from.
    account = [{"sent": 200, "stored": 200 - len(poison), "dead": len(poison), "missing": 0}]
    eventually(lambda: ready.rows("SELECT sent, stored, dead, missing FROM account") == account)


def test_a_value_that_only_the_table_refuses_is_found(ready: SinkBench) -> None:
    ready._client.command(f"ALTER TABLE {ready.database}.calls ADD CONSTRAINT sane CHECK retries != 13")
    values = calls(1000)
    for number in (0, 500, 501, 999):
        values[number] = Encoder("ModelCall").encode(bare("ModelCall", retries=13))
    ready.send_all("calls", values)
    ready.start()
    ready.wait_for("dead_letters", 4)
    ready.wait_for("calls", 996)
    assert ready.count("calls") == 996
    offsets = ready.rows("SELECT source_offset AS at FROM dead_letters ORDER BY at")
    assert [each["at"] for each in offsets] == [0, 500, 501, 999]


def test_a_worker_waits_for_topics_and_tables(bench: SinkBench) -> None:
    bench.start()
    eventually(lambda: "there is no" in bench.log(), 30)
    topics.apply(bench.connection)
    bench.send_all("calls", calls(10))
    eventually(lambda: "calls: waiting" in bench.log(), 30)
    migrate(bench.url, bench.database)
    bench.wait_for("calls", 10)
    eventually(lambda: "calls: works again" in bench.log())
    assert bench.log().count("calls: waiting") <= 2
    assert bench.stop() == 0


def test_a_table_that_does_not_fit_is_waited_for_not_taken_for_poison(ready: SinkBench) -> None:
    ready._client.command(f"ALTER TABLE {ready.database}.scores MODIFY COLUMN name Array(UInt64)")
    ready.send_all("scores", [Encoder("Score").encode(bare("Score"))])
    ready.start()
    eventually(lambda: "scores: waiting" in ready.log(), 30)
    ready._client.command(f"ALTER TABLE {ready.database}.scores DROP COLUMN name")
    ready._client.command(f"ALTER TABLE {ready.database}.scores ADD COLUMN name String")
    ready.wait_for("scores", 1)
    assert ready.count("dead_letters") == 0


@pytest.mark.parametrize("inserted", [False, True])
def test_a_pending_seal_is_inserted_again_exactly(ready: SinkBench, inserted: bool) -> None:
    """A worker died after it had sealed 0-49, before or after its insert; the marks leave out 0-9."""
    prefix = ready.connection.prefix
    ready.send_all("calls", calls(80))
    schema = load("ModelCall").fingerprint.hex()
    sealed = Position({f"{prefix}raw.calls:0": 9}, last=49, table="calls", schema=schema)
    if inserted:
        ready._client.command(
            f"INSERT INTO {ready.database}.calls (event_id, event_time, source_partition, source_offset) "
            "SELECT generateUUIDv7(), now64(6), 0, number FROM numbers(10, 40) "
            f"SETTINGS insert_deduplication_token = '{prefix}calls:0:0-49'"
        )
    consumer = Consumer(ready.connection.librdkafka(group_id=ready.group, enable_auto_commit=False))
    place = TopicPartition(f"{prefix}calls", 0, 0, sealed.to_metadata())
    consumer.commit(offsets=[place], asynchronous=False)
    consumer.close()
    ready.start()
    ready.wait_for("calls", 70)
    offsets = ready.rows("SELECT source_offset AS at FROM calls ORDER BY at")
    assert [each["at"] for each in offsets] == list(range(10, 80))
    assert ready.stop() == 0


def test_a_worker_leaves_quickly_with_everything_committed(ready: SinkBench) -> None:
    ready.start()
    eventually(ready.ready, 60)
    ready.send_all("calls", calls(500), partition=2)
    ready.wait_for("calls", 500)
    assert ready.stop() == 0
    consumer = Consumer(ready.connection.librdkafka(group_id=ready.group, enable_auto_commit=False))
    found = consumer.committed([TopicPartition(f"{ready.connection.prefix}calls", 2)], timeout=10)[0]
    consumer.close()
    assert found.offset == 500
    assert Position.parse(found.metadata) == Position({f"{ready.connection.prefix}raw.calls:2": 499})


@pytest.mark.faults
def test_workers_that_are_killed_lose_nothing_and_store_nothing_twice(ready: SinkBench) -> None:
    """Two workers, ten kills, and a writer that repeats itself: every record once."""
    dice = random.Random(7)
    number, partitions = 6_000, 4
    encoder = Encoder("ModelCall")
    names = ["0", "1"]
    for name in names:
        ready.start(name)
    for kill in range(10):
        for partition in range(partitions):
            done = number * kill // 10
            again = max(0, done - dice.randrange(300))
            for offset in range(again, number * (kill + 1) // 10):
                event = bare("ModelCall", producer_id=PRODUCER, sequence=offset * partitions + partition)
                ready.send("calls", encoder.encode(event), partition, source=offset)
        ready.flush()
        name = dice.choice(names)
        if kill > 1:
            ready.wait_for("calls", min(ready.count("calls") + dice.randrange(1, 1500), number * (kill - 1) // 10))
        ready.kill(name)
        ready.start(name)
    ready.wait_for("calls", number * partitions, 90)
    for name in names:
        assert ready.stop(name) == 0
    found = ready.rows("SELECT count() AS n, uniqExact(source_partition, source_offset) AS places FROM calls")
    assert found == [{"n": number * partitions, "places": number * partitions}]
    account = ready.rows("SELECT sent, stored, missing FROM account")
    assert account == [{"sent": number * partitions, "stored": number * partitions, "missing": 0}]
