"""The client against a real broker: order, schemas before use, sizes, an outage, a fork."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from integration.consuming import LOG_RECORD, MODEL_CALL, header, read
from services import kafka_broker
from support import eventually
from turnlog.producers import REPORT_NAME, Client, Content, Limits, Result, Spool
from turnlog.schemas import MAX_RECORD_BYTES, Datum, KafkaConnection, Schema
from turnlog.schemas.headers import AVRO, CONTENT_TYPE, PRODUCER, REDELIVERY, parse_origin
from turnlog.stack import topics


@pytest.fixture
def ready(connection: KafkaConnection) -> KafkaConnection:
    topics.apply(connection)
    return connection


def logs(connection: KafkaConnection) -> list[Datum]:
    return [LOG_RECORD.decode(each.value()) for each in read(connection, "raw.logs")]


def test_calls_arrive_once_and_in_order(ready: KafkaConnection) -> None:
    client = Client("bot", connection=ready)
    for number in range(2000):
        with client.conversation(f"c-{number % 17}"), client.turn():
            call = client.start_call(provider="p", model="m", input=f"question {number}")
            call.finish(output="é" * 500, finish_reason="stop")
    result = client.close(60)
    assert result == Result(sent=2000)
    messages = read(ready, "raw.calls")
    events = [MODEL_CALL.decode(each.value()) for each in messages]
    assert sorted(each["sequence"] for each in events) == list(range(2000))
    where: dict[str, tuple[int, int]] = {}
    for message, event in zip(messages, events, strict=True):
        origin = parse_origin(header(message, PRODUCER))
        assert origin == (client.producer_id, event["sequence"])
        assert header(message, CONTENT_TYPE) == AVRO
        assert message.key() == event["conversation_id"].encode()
        partition = message.partition()
        assert partition is not None
        before = where.setdefault(event["conversation_id"], (partition, -1))
        assert before[0] == partition
        assert before[1] < event["sequence"]
        where[event["conversation_id"]] = (partition, event["sequence"])
    (report,) = logs(ready)
    assert (report["event_name"], report["attributes"], report["sequence"]) == (REPORT_NAME, {"sent": "2001"}, 2000)


def test_schemas_are_published_by_their_fingerprint(ready: KafkaConnection) -> None:
    with Client("bot", connection=ready) as client:
        client.info("x")
        client.score("s", 1)
    published = {each.key(): Schema.from_json(each.value() or b"") for each in read(ready, "schemas")}
    assert {each.name for each in published.values()} == {"LogRecord", "Score"}
    assert all(key == schema.fingerprint.hex().encode() for key, schema in published.items())


def test_the_largest_record_goes_through_and_a_larger_one_is_counted(ready: KafkaConnection) -> None:
    # Random, so that compression does not help, and in five parts, for none may be longer than a quarter of the record.
    text = random.Random(7).randbytes(MAX_RECORD_BYTES // 2).hex()
    client = Client("bot", connection=ready, content=Content(max_bytes=MAX_RECORD_BYTES // 4))

    def log(length: int) -> None:
        one, two, three, four, five = (text[length * part // 5 : length * (part + 1) // 5] for part in range(5))
        call = client.start_call(
            provider="p",
            model="m",
            conversation_id="c" * 600,
            system=one,
            input=two,
            tools=[three],
            attributes={"a": four},
        )
        call.finish(output=five)

    log(0)
    client.flush(60)
    (small,) = read(ready, "raw.calls")
    room = MAX_RECORD_BYTES - len(small.value() or b"") - 64
    log(room)
    log(room + 128)
    result = client.close(60)
    assert result == Result(sent=2, dropped=1, reasons={"too_large": 1})
    largest = max(len(each.value() or b"") for each in read(ready, "raw.calls"))
    assert MAX_RECORD_BYTES - 1024 < largest <= MAX_RECORD_BYTES


def test_an_outage_loses_nothing_and_a_spool_keeps_order_and_doubles_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    with kafka_broker(tmp_path) as servers:
        connection = KafkaConnection(servers)
        topics.apply(connection)
        plain, spooling = Client("bot", connection=connection), Client("bot", connection=connection, spool=spool)
        for client in (plain, spooling):
            client.info("before")
            assert client.flush(60) == Result(sent=1)
    for number in range(500):
        plain.info(str(number), conversation_id="plain")
        spooling.info(str(number), conversation_id="spooling")
    assert plain.flush(0.1).pending == 500
    eventually(lambda: (spooling.result().spooled, spooling.result().pending) == (500, 0))
    with kafka_broker(tmp_path, int(servers.rpartition(":")[2])):
        for number in range(500, 600):
            spooling.info(str(number), conversation_id="spooling")
        assert spooling.flush(120) == Result(sent=601)
        assert spooling.close(60) == Result(sent=601)
        assert plain.close(120) == Result(sent=501)
        messages = read(connection, "raw.logs")
    for name, count in (("plain", 500), ("spooling", 600)):
        bodies = [LOG_RECORD.decode(each.value())["body"] for each in messages if each.key() == name.encode()]
        assert bodies == [str(number) for number in range(count)]
    assert not any(header(each, REDELIVERY) for each in messages)
    assert list(spool.path.iterdir()) == []


def test_a_forked_worker_sends_too(ready: KafkaConnection) -> None:
    program = """
        import os, sys
        from turnlog.producers import Client, KafkaConnection
        client = Client("bot", connection=KafkaConnection(*sys.argv[1:]))
        client.info("parent")
        client.flush(60)
        children = []
        for number in range(4):
            child = os.fork()
            if not child:
                client.info(f"child {number}")
                sys.exit(0 if client.flush(60).sent == 1 else 1)
            children.append(child)
        client.info("parent again")
        sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), ready.bootstrap_servers, ready.prefix],
        check=True,
        timeout=240,
        env=dict(os.environ),
    )
    events = logs(ready)
    bodies = [each["body"] for each in events if each["event_name"] != REPORT_NAME]
    assert sorted(bodies) == [*(f"child {number}" for number in range(4)), "parent", "parent again"]
    reports = {each["producer_id"]: each["attributes"]["sent"] for each in events if each["event_name"] == REPORT_NAME}
    assert sorted(reports.values()) == ["2", "2", "2", "2", "3"]


def test_without_kafka_nothing_waits_and_all_is_told(caplog: pytest.LogCaptureFixture) -> None:
    client = Client("bot", connection=KafkaConnection("127.0.0.1:1"), limits=Limits(queue_events=100))
    for _ in range(300):
        client.info("x")
    eventually(lambda: caplog.records, 30)
    assert client.close(1.0).complete is False
    result = client.result()
    assert result.failed + result.dropped == 300
    assert result.pending == 0
    assert "Kafka at 127.0.0.1:1" in caplog.text
