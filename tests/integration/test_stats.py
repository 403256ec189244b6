from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined] # its stubs do not export it
from confluent_kafka.cimpl import NewTopic

from processors.stats.events import call, security
from support import eventually
from turnlog.processors.output import Delivery, Output, OutputProducer
from turnlog.processors.stats.book import CALLS, SECURITY, PaneCodec
from turnlog.processors.stats.log import LOOK_BACK_MS, PaneLog
from turnlog.processors.stats.pane import Dimensions, Pane, PaneKey
from turnlog.processors.stats.wiring import SOURCES
from turnlog.schemas import PROCESSORS, Datum, Decoder, Encoder, KafkaConnection, SchemaStore, Source, money_to_bytes
from turnlog.schemas.headers import SOURCE
from turnlog.schemas.topics import BY_NAME
from turnlog.stack.leaders import await_leaders

PARTITIONS = 4
STORE = SchemaStore()
CODEC = PaneCodec(STORE)
ENCODERS = {"calls": Encoder("ModelCall"), "security": Encoder("LogRecord")}
NOW_MS = int(time.time() * 1000)

Clean = list[tuple[Datum, Source]]


class Workers:
    """Processes that keep panes and rolling windows."""

    def __init__(self, connection: KafkaConnection, folder: Path) -> None:
        self._environment = {
            **os.environ,
            "TURNLOG_KAFKA_BOOTSTRAP_SERVERS": connection.bootstrap_servers,
            "TURNLOG_TOPIC_PREFIX": connection.prefix,
        }
        self._folder = folder
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, number: int) -> None:
        with (self._folder / f"worker-{number}.log").open("ab") as log:
            self._running[number] = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("stats_worker.py")), "worker"],
                env={**self._environment, "TURNLOG_WORKER_ID": f"w{number}"},
                stdout=log,
                stderr=log,
            )

    def kill(self, number: int, how: signal.Signals = signal.SIGKILL) -> None:
        process = self._running.pop(number)
        process.send_signal(how)
        process.wait(60)

    def check(self) -> None:
        for number, process in self._running.items():
            if process.poll() is not None:
                text = (self._folder / f"worker-{number}.log").read_text("utf-8", "replace")
                pytest.fail(f"worker {number} ended with {process.returncode}\n{text[-4000:]}")

    def stop(self) -> None:
        for number in list(self._running):
            self.kill(number)


@pytest.fixture
def workers(connection: KafkaConnection, tmp_path: Path) -> Iterator[Workers]:
    running = Workers(connection, tmp_path)
    yield running
    running.stop()


@pytest.fixture
def topics(connection: KafkaConnection) -> Callable[..., None]:
    """Create the topics; keyword arguments replace settings of the log of panes, underscores for dots."""

    def create(**panes: str) -> None:
        admin = AdminClient(connection.librdkafka())
        wanted = []
        for name in (*SOURCES, "panes", "rolling", "dlq"):
            config = BY_NAME[name].config()
            if name == "panes":
                config |= {key.replace("_", "."): value for key, value in panes.items()}
            wanted.append(NewTopic(connection.prefix + name, PARTITIONS, 1, config=config))
        for future in admin.create_topics(wanted).values():
            future.result()
        await_leaders(admin, {each.topic: PARTITIONS for each in wanted}, 30)

    return create


def history(seed: int, count: int, *, partition: int, prefix: str) -> dict[str, Clean]:
    """Clean partitions as redaction leaves them: in order, with stretches repeated under another model's name."""
    chance = random.Random(seed)
    topics: dict[str, Clean] = {"calls": [], "security": []}
    for name, records in topics.items():
        offset = -1
        fresh: Clean = []
        for number in range(count if name == "calls" else count // 10):
            offset += chance.choice((1, 1, 1, 2))  # some raw records became dead letters
            arrived = NOW_MS - 120_000 + number * 120_000 // count
            at = (arrived - chance.choice((0, 200, 3000, 60_000, 5_000_000, 4_000_000_000))) * 1000
            event = (
                call(
                    at,
                    request_model=chance.choice("abcd"),
                    status=chance.choice(("ok", "ok", "ok", "error")),
                    error_type=chance.choice((None, "rate_limit")),
                    duration_us=chance.randrange(1, 10_000_000),
                    time_to_first_chunk_us=chance.choice((None, 5000)),
                    usage_input_tokens=chance.randrange(1000),
                    cost=money_to_bytes(Decimal(chance.randrange(10**9)).scaleb(-9)),
                    redaction_hits={"EMAIL": 1} if number % 7 == 0 else {},
                )
                if name == "calls"
                else security(at)
            )
            fresh.append((event, Source(f"{prefix}raw.{name}", partition, offset, arrived)))
            records.append(fresh[-1])
            if number % 997 == 500:
                back = chance.randrange(1, 300)
                again = {"request_model": "copy"} if name == "calls" else {"tenant_id": "copy"}
                records.extend((dict(datum) | again, source) for datum, source in fresh[-back:])
    return topics


def truth(written: list[dict[str, Clean]]) -> dict[PaneKey, Pane]:
    """Panes recomputed from the clean records, the first copy of each."""
    panes: dict[PaneKey, Pane] = {}
    for partition in written:
        for name, records in partition.items():
            kind = {"calls": CALLS, "security": SECURITY}[name]
            highest = -1
            for datum, source in records:
                if source.offset <= highest:
                    continue
                highest = source.offset
                key = PaneKey.of(kind.dimensions(datum), datum["event_time"], source)
                kind.fold(panes.setdefault(key, Pane(key)), datum, source)
    return panes


def produce(connection: KafkaConnection, outputs: Iterable[Output]) -> None:
    async def deliver() -> None:
        producer = OutputProducer(connection)
        delivery = Delivery()
        await producer.send(outputs, delivery)
        await delivery.done()
        producer.close()

    asyncio.run(deliver())


def write(connection: KafkaConnection, written: list[dict[str, Clean]], start: float = 0, stop: float = 1) -> None:
    """Write a part of every clean partition, from one fraction of it to another."""
    produce(
        connection,
        [
            Output(connection.prefix + name, number, b"k", ENCODERS[name].encode(datum), [(SOURCE, source.to_bytes())])
            for number, partition in enumerate(written)
            for name, records in partition.items()
            for datum, source in records[int(start * len(records)) : int(stop * len(records))]
        ],
    )


def read_all(connection: KafkaConnection, topic: str) -> list[Message]:
    """What the topic holds up to its ends of this moment; its last message is never compacted away."""
    awaited = {number: end for number, end in enumerate(ends(connection, topic)) if end}
    consumer = Consumer(connection.librdkafka(group_id="t", enable_auto_commit=False, fetch_wait_max_ms=10))
    consumer.assign([TopicPartition(connection.prefix + topic, number, OFFSET_BEGINNING) for number in awaited])
    found: list[Message] = []
    while awaited:
        for message in consumer.consume(5000, 0.05):
            assert message.error() is None, message.error()
            found.append(message)
            number = message.partition() or 0
            if number in awaited and (message.offset() or 0) + 1 >= awaited[number]:
                del awaited[number]
    consumer.close()
    return found


def ends(connection: KafkaConnection, topic: str) -> list[int]:
    admin = AdminClient(connection.librdkafka())
    places = [TopicPartition(connection.prefix + topic, number) for number in range(PARTITIONS)]
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call] # the library's
    answers = admin.list_offsets(dict.fromkeys(places, latest), request_timeout=10)
    return [answers[place].result().offset for place in places]


def panes_in(connection: KafkaConnection) -> dict[PaneKey, Pane]:
    """What a reader of the topic keeps: each pane's highest version."""
    best: dict[PaneKey, Pane] = {}
    for message in read_all(connection, "panes"):
        pane = CODEC.decode(message.value())
        assert message.key() == pane.key.to_bytes()
        assert message.partition() == pane.key.source_partition
        if pane.key not in best or best[pane.key].last_offset < pane.last_offset:
            best[pane.key] = pane
    return best


def events(panes: dict[PaneKey, Pane]) -> int:
    return sum(pane.totals.events for pane in panes.values())


def assert_true(connection: KafkaConnection, workers: Workers, expected: dict[PaneKey, Pane]) -> None:
    seen: list[list[int]] = [[], []]

    def complete() -> bool:
        """Read it all only where nothing was added since the last look, and once."""
        workers.check()
        seen.append(ends(connection, "panes"))
        rests = seen[-1] == seen[-2] != seen[-3]
        return rests and events(panes_in(connection)) >= events(expected)

    eventually(complete, 200, 0.5)
    found = panes_in(connection)
    assert events(found) == events(expected)
    assert found == expected


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_panes_are_exact_however_workers_die(
    connection: KafkaConnection, topics: Callable[..., None], workers: Workers
) -> None:
    topics(min_compaction_lag_ms="0", segment_ms="1000", segment_bytes="1048576", min_cleanable_dirty_ratio="0.01")
    written = [history(seed, 12_000, partition=seed, prefix=connection.prefix) for seed in range(PARTITIONS)]
    expected = truth(written)
    assert sum(pane.late_events for pane in expected.values()) > 1000
    workers.start(0)
    workers.start(1)
    write(connection, written, 0, 0.05)
    last = {"end": 0}

    def progress() -> bool:
        workers.check()
        before, last["end"] = last["end"], sum(ends(connection, "panes"))
        return last["end"] > before

    for life in range(6):
        write(connection, written, 0.05 + life * 0.15, 0.05 + (life + 1) * 0.15)
        eventually(progress, 120)
        workers.kill(life % 2)
        workers.start(life % 2)
    write(connection, written, 0.95, 1)
    assert_true(connection, workers, expected)


def test_a_stretch_read_again_after_everything_was_forgotten_changes_nothing(
    connection: KafkaConnection, topics: Callable[..., None], workers: Workers
) -> None:
    topics()
    written = [history(seed, 500, partition=seed, prefix=connection.prefix) for seed in range(PARTITIONS)]
    expected = truth(written)
    write(connection, written)
    workers.start(0)
    assert_true(connection, workers, expected)
    entries = len(read_all(connection, "panes"))
    workers.kill(0, signal.SIGTERM)
    copies = [
        {name: [(dict(datum) | {"tenant_id": "copy"}, source) for datum, source in records[-100:]]}
        for partition in written
        for name, records in partition.items()
        if name == "calls"
    ]
    write(connection, copies)
    more = [
        {"calls": [(call(), Source(f"{connection.prefix}raw.calls", n, 10_000, NOW_MS))]} for n in range(PARTITIONS)
    ]
    write(connection, more)
    workers.start(0)
    expected |= truth(more)
    assert_true(connection, workers, expected)
    assert len(read_all(connection, "panes")) == entries + PARTITIONS


def test_what_is_no_call_is_a_dead_letter_and_delays_nothing(
    connection: KafkaConnection, topics: Callable[..., None], workers: Workers
) -> None:
    topics()
    good = Source(f"{connection.prefix}raw.calls", 0, 7, NOW_MS)
    produce(
        connection,
        [
            Output(f"{connection.prefix}calls", 0, b"k", b"nonsense", [(SOURCE, good.to_bytes())]),
            Output(f"{connection.prefix}calls", 0, b"k", ENCODERS["calls"].encode(call()), []),
            Output(f"{connection.prefix}calls", 0, b"k", ENCODERS["calls"].encode(call()), [(SOURCE, good.to_bytes())]),
        ],
    )
    workers.start(0)
    assert_true(connection, workers, truth([{"calls": [(call(), good)]}]))
    decoder = Decoder("DeadLetter", STORE)
    dead = [decoder.decode(message.value()) for message in read_all(connection, "dlq")]
    assert [(each["stage"], each["source_offset"], each["error_class"]) for each in dead] == [
        ("panes", 0, "BadMagicError"),
        ("panes", 1, "InvalidDatumError"),
    ]


def rolling_in(connection: KafkaConnection) -> dict[tuple[Any, ...], Datum]:
    decoder = Decoder("Rolling", STORE)
    best: dict[tuple[Any, ...], Datum] = {}
    for message in read_all(connection, "rolling"):
        row = decoder.decode(message.value())
        place = *(row[name] for name in Dimensions._fields), row["window_seconds"], row["window_end"]
        if place not in best or best[place]["version"] < row["version"]:
            best[place] = row
    return best


@pytest.mark.faults
def test_rolling_rows_are_merged_over_partitions_and_survive_a_worker(
    connection: KafkaConnection, topics: Callable[..., None], workers: Workers
) -> None:
    topics()
    workers.start(0)
    workers.start(1)
    at = int(time.time() * 1e6) // 10_000_000 * 10_000_000 - 20_000_000

    def batch(first: int) -> list[dict[str, Clean]]:
        return [
            {
                "calls": [
                    (
                        call(at, request_model=model),
                        Source(f"{connection.prefix}raw.calls", number, first + each, at // 1000),
                    )
                    for each, model in enumerate("aabc")
                ]
            }
            for number in range(PARTITIONS)
        ]

    def counts() -> dict[str, int]:
        workers.check()
        return {
            row["model"]: row["calls"]
            for row in rolling_in(connection).values()
            if (row["window_seconds"], row["window_end"]) == (60, at + 10_000_000)
        }

    write(connection, batch(0))
    eventually(lambda: counts() == {"a": 8, "b": 4, "c": 4}, 60, 0.5)
    workers.kill(0)
    write(connection, batch(4))
    eventually(lambda: counts() == {"a": 16, "b": 8, "c": 8}, 60, 0.5)


def test_the_log_is_read_back_no_further_than_panes_matter(
    connection: KafkaConnection, topics: Callable[..., None], workers: Workers
) -> None:
    topics()
    written = [history(seed, 300, partition=seed, prefix=connection.prefix) for seed in range(PARTITIONS)]
    write(connection, written)
    workers.start(0)
    assert_true(connection, workers, truth(written))
    workers.kill(0, signal.SIGTERM)
    log = PaneLog(connection, connection.group(PROCESSORS), [connection.prefix + name for name in SOURCES])
    entries: list[bytes] = []
    end = log.read(0, None, lambda entry: entries.append(entry.key))
    assert len(entries) == end > 0  # all of them are minutes old
    assert log.read(0, end, lambda entry: entries.append(entry.key)) == end
    assert len(entries) == end
    later = Source(f"{connection.prefix}raw.calls", 0, 10_000, NOW_MS + 2 * LOOK_BACK_MS)
    other = later._replace(topic=f"{connection.prefix}raw.security")
    write(connection, [{"calls": [(call(), later)], "security": [(security(), other)]}])
    workers.start(0)
    eventually(lambda: ends(connection, "panes")[0] == end + 2, 120)
    workers.kill(0, signal.SIGTERM)
    entries.clear()
    assert log.read(0, None, lambda entry: entries.append(entry.key)) > end
    assert entries == []
