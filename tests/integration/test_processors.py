"""The processors on a real broker: every raw record is one clean record or one dead letter, whatever dies."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from samples import PRODUCER, bare
from support import eventually
from turnlog.processors.stats.wiring import SOURCES
from turnlog.schemas import (
    PROCESSORS,
    Datum,
    Decoder,
    Encoder,
    KafkaConnection,
    Schema,
    SchemaStore,
    clean_topics,
    raw_topics,
    uuid7,
)
from turnlog.schemas.headers import PRODUCER as PRODUCER_HEADER
from turnlog.schemas.headers import SOURCE, STAGE, get, parse_source
from turnlog.stack import topics
from turnlog.stack.ports import free_port

PATIENCE = 120.0
PARTITIONS = 4
Start = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def workers(connection: KafkaConnection, tmp_path: Path) -> Iterator[Start]:
    """Call it with a worker's name to start it; all are killed at the end."""
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str) -> subprocess.Popen[bytes]:
        env = {**os.environ, **environment(connection), "TURNLOG_WORKER_ID": name}
        env["TURNLOG_READY_FILE"] = str(tmp_path / f"{name}.ready")
        with (tmp_path / f"{name}.log").open("ab") as log:
            started.append(
                subprocess.Popen([sys.executable, "-m", "turnlog.processors"], env=env, stderr=log, stdout=log)
            )
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.wait()


def environment(connection: KafkaConnection) -> dict[str, str]:
    return {
        "TURNLOG_KAFKA_BOOTSTRAP_SERVERS": connection.bootstrap_servers,
        "TURNLOG_TOPIC_PREFIX": connection.prefix,
        "TURNLOG_PSEUDONYM_KEY": "k" * 32,
    }


class Feed:
    """Writes raw records."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._prefix = connection.prefix
        self._producer = Producer(connection.librdkafka(linger_ms=5))
        self._sequence = 0

    def put(
        self, topic: str, value: bytes, partition: int = 0, sequence: int | None = None, key: bytes | None = None
    ) -> None:
        headers: list[tuple[str, str | bytes | None]] = (
            [] if sequence is None else [(PRODUCER_HEADER, f"{PRODUCER}:{sequence}".encode())]
        )
        self._producer.produce(self._prefix + topic, value, key, partition, headers=headers)
        self._producer.poll(0)

    def records(self, topic: str, record: str, count: int, **fields: object) -> bytes:
        encoder = Encoder(record)
        value = b""
        for number in range(count):
            value = encoder.encode(fresh(record, sequence=self._sequence, **fields))
            self.put(topic, value, number % PARTITIONS, self._sequence)
            self._sequence += 1
        return value

    def poison(self, topic: str, like: bytes, count: int) -> None:
        noise = random.Random(topic)
        for number in range(count):
            value = bytearray(like) if number % 2 else bytearray(noise.randbytes(noise.randrange(200)))
            for _ in range(3):
                if value:
                    value[noise.randrange(len(value))] = noise.randrange(256)
            self.put(topic, bytes(value), number % PARTITIONS)

    def flush(self) -> None:
        assert self._producer.flush(60) == 0


def fresh(record: str, **fields: object) -> Datum:
    now = time.time_ns() // 1000
    times = {"event_id": uuid7(), "event_time": now, "observed_time": now, "producer_id": PRODUCER}
    return bare(record, **{**times, **({"start_time": now} if record in {"ModelCall", "Step"} else {}), **fields})


class Outcome:
    """What stands in the clean topics and dead letters, read with one mark per source partition."""

    def __init__(self, connection: KafkaConnection) -> None:
        self.seen: defaultdict[tuple[str, int], Counter[int]] = defaultdict(Counter)
        self.clean: defaultdict[str, list[bytes]] = defaultdict(list)
        self.copies = 0
        prefix = connection.prefix
        names = [prefix + topic.name for topic in clean_topics()] + [f"{prefix}dlq"]
        consumer = Consumer(connection.librdkafka(group_id="outcome", enable_auto_commit=False))
        # Asked before anything is fetched: afterwards each question waits behind a fetch that the broker holds back.
        raws = [prefix + topic.name for topic in raw_topics()]
        ends = {
            (name, number): consumer.get_watermark_offsets(TopicPartition(name, number), timeout=30)[1]
            for name in [*raws, *names]
            for number in range(PARTITIONS)
        }
        # Up to the ends of this moment and not to end-of-partition events, which may fail to come under load.
        awaited = {place: end for place, end in ends.items() if end and place[0] in names}
        consumer.assign([TopicPartition(name, number, OFFSET_BEGINNING) for name, number in awaited])
        marks: dict[object, int] = {}
        while awaited:
            message = consumer.poll(30)
            assert message is not None, "the clean topics can't be read to their ends"
            assert message.error() is None, message.error()
            place = (str(message.topic()), message.partition() or 0)
            if place in awaited and (message.offset() or 0) + 1 >= awaited[place]:
                del awaited[place]
            headers = message.headers()
            assert isinstance(headers, list)
            source = parse_source(get(headers, SOURCE))
            assert source is not None
            assert source.partition == message.partition()
            stage = get(headers, STAGE)
            assert stage in {None, b"redact"}
            self.copies += 1
            mark = (message.topic(), source.topic, source.partition)
            if source.offset <= marks.get(mark, -1):
                continue
            marks[mark] = source.offset
            self.seen[source.topic, source.partition][source.offset] += 1
            value = message.value()
            assert isinstance(value, bytes)
            self.clean[str(message.topic()).removeprefix(prefix)].append(value)
        consumer.close()
        self.missing = sum(ends[place] - len(self.seen[place]) for place in ends if place[0] in raws)

    def repeated(self) -> list[object]:
        return [(place, offset) for place, seen in self.seen.items() for offset, count in seen.items() if count > 1]


def settled(connection: KafkaConnection) -> Outcome:
    """Wait until every raw record has come out, and return what came."""

    def ask() -> Outcome:
        outcome = Outcome(connection)
        assert outcome.missing == 0, f"{outcome.missing} raw records have not come out"
        return outcome

    return eventually(ask, PATIENCE, 0.5)


def more_than(connection: KafkaConnection, copies: int) -> bool:
    return Outcome(connection).copies > copies


def test_poison_everywhere_is_dead_letters_and_stops_nothing(
    connection: KafkaConnection, workers: Start, tmp_path: Path
) -> None:
    topics.apply(connection)
    worker = workers("one")
    feed = Feed(connection)
    for topic in raw_topics():
        like = feed.records(topic.name, topic.record, 20)
        feed.poison(topic.name, like, 1000)
        feed.records(topic.name, topic.record, 20)
    feed.flush()
    outcome = settled(connection)
    assert not outcome.repeated()
    letters = [Decoder("DeadLetter", SchemaStore()).decode(value) for value in outcome.clean["dlq"]]
    assert len(letters) >= 0.7 * 1000 * len(raw_topics())
    assert all(letter["stage"] == "redact" and letter["error_message"] for letter in letters)
    for topic in clean_topics():
        assert len(outcome.clean[topic.name]) >= 40
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0


def test_two_workers_killed_again_and_again_leave_no_gap(
    connection: KafkaConnection, workers: Start, tmp_path: Path
) -> None:
    topics.apply(connection)
    feed = Feed(connection)
    running = {name: workers(name) for name in ("one", "two")}
    for turn in range(6):
        like = feed.records("raw.calls", "ModelCall", 1500, provider_name="openai", request_model="gpt-4o")
        feed.records("raw.logs", "LogRecord", 300, body="mail ann@example.com")
        feed.poison("raw.calls", like, 50)
        feed.flush()
        before = Outcome(connection).copies
        eventually(partial(more_than, connection, before), PATIENCE)
        name = ("one", "two")[turn % 2]
        running[name].kill()
        running[name].wait()
        running[name] = workers(name)
    outcome = settled(connection)
    assert not outcome.repeated()
    assert not any(b"ann@example.com" in value for value in outcome.clean["logs"])


def test_what_was_registered_before_a_call_is_seen_by_it(connection: KafkaConnection, workers: Start) -> None:
    topics.apply(connection)
    workers("one")
    feed = Feed(connection)
    model = {"provider_name": "acme", "name": "x", "match_names": ["x-*"], "model_version_id": "m-1"}
    for number in range(10):
        model["model_version_id"] = f"m-{number}"
        model["match_names"] = [f"x-{number}-*"]
        feed.records("raw.models", "ModelVersion", 1, **model)
        feed.flush()
        feed.records("raw.calls", "ModelCall", 4, provider_name="acme", request_model=f"x-{number}-large")
        feed.flush()
    outcome = settled(connection)
    calls = [Decoder("ModelCall", SchemaStore()).decode(value) for value in outcome.clean["calls"]]
    assert [call["request_model"].split("-")[1] for call in calls] == [call["model_version_id"][2:] for call in calls]


def test_a_schema_that_a_producer_published_is_learned(connection: KafkaConnection, workers: Start) -> None:
    topics.apply(connection)
    workers("one")
    feed = Feed(connection)
    feed.records("raw.scores", "Score", 4)
    feed.flush()
    settled(connection)
    definition = json.loads(Encoder("Score").schema.to_json())
    definition["fields"].append({"name": "mood", "type": ["null", "string"], "default": None, "doc": "New."})
    newer = Schema.of(definition)
    feed.put("schemas", newer.to_json().encode(), key=newer.fingerprint.hex().encode())
    feed.flush()
    feed.put("raw.scores", Encoder(newer).encode(fresh("Score", name="new", mood="good")))
    feed.flush()
    outcome = settled(connection)
    assert not outcome.clean["dlq"]
    assert len(outcome.clean["scores"]) == 5


def test_wrong_settings_are_one_line_and_exit_code_2(connection: KafkaConnection) -> None:
    env = {**os.environ, **environment(connection)}
    for changed in (
        {"TURNLOG_PSEUDONYM_KEY": "short"},
        {"TURNLOG_COMMIT_SECONDS": "soon"},
        {"TURNLOG_KAFKA_BOOTSTRAP_SERVERS": "x"},
        {"TURNLOG_REDACTION": "/nowhere/redaction.yaml"},
    ):
        done = subprocess.run(
            [sys.executable, "-m", "turnlog.processors"],
            env={**env, **changed},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr


def test_without_kafka_a_worker_waits_and_says_so(connection: KafkaConnection, tmp_path: Path) -> None:
    env = {**os.environ, **environment(connection), "TURNLOG_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}"}
    log = tmp_path / "log"
    with log.open("wb") as output:
        worker = subprocess.Popen([sys.executable, "-m", "turnlog.processors"], env=env, stderr=output)
    eventually(lambda: "waiting for Kafka" in log.read_text(), PATIENCE)
    worker.terminate()
    assert worker.wait(60) == 0


def test_a_worker_that_can_be_no_member_of_its_group_ends(connection: KafkaConnection, workers: Start) -> None:
    topics.apply(connection)
    names = [*(topic.name for topic in raw_topics()), *SOURCES]
    # Of the group that this member leaves behind, which lets in nobody who divides partitions in another way.
    before = Consumer(
        connection.librdkafka(
            group_id=connection.group(PROCESSORS),
            group_instance_id=connection.member(PROCESSORS, "one", names),
            partition_assignment_strategy="roundrobin",
        )
    )
    before.subscribe([f"{connection.prefix}audit"])
    eventually(lambda: before.poll(0.1) is None and before.assignment(), PATIENCE)
    before.close()
    worker = workers("one")
    assert eventually(lambda: worker.poll() is not None, PATIENCE)
    assert worker.returncode == 1
