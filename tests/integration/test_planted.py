"""Nothing personal reaches durable storage: made-up identities go in everywhere, and are looked for all over."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from identities import identities, kinds
from integration.consuming import read
from planting import Planter, malformed, records, talk
from services import RunningStack, StackFactory
from support import eventually
from turnlog.producers import Client
from turnlog.schemas import Decoder, KafkaConnection, SchemaStore, raw_topics
from turnlog.sinks.routes import ROUTES

pytestmark = pytest.mark.timeout(900)

COUNT = int(os.environ.get("PLANTED_IDENTITIES", "100"))
SEED = int(os.environ.get("PLANTED_SEED", "1"))
ROUNDS = 1 + COUNT // 300
TALKS = 1 + COUNT // 50


def test_nothing_planted_is_found_where_bytes_stay(stack: StackFactory) -> None:
    planted = identities(COUNT, SEED)
    assert len(planted) == COUNT
    assert len(kinds(planted)) > min(COUNT, 300) * 0.8
    running = stack()
    good, bad = _send(running, Planter(planted, SEED))
    _settle(running, good, bad)

    connection = KafkaConnection(running.kafka, "chat.")
    raw = b"\0".join(_topic(connection, topic.name) for topic in raw_topics())
    needles = {each: _forms(each.value) for each in planted}
    unseen = [each for each, forms in needles.items() if not any(form in raw for form in forms)]
    assert not unseen, "the search finds them where they must be"

    found = [
        f"{place}: {each.kind} {each.value!r}"
        for place, haystack in _places(running, connection)
        for each, forms in needles.items()
        if any(form in haystack for form in forms)
    ]
    assert not found, f"{len(found)} found:\n" + "\n".join(found[:200])


def _send(running: RunningStack, planter: Planter) -> tuple[int, int]:
    """Send records and what is none; return how many of each."""
    with Client("planted", connection=KafkaConnection(running.kafka)) as client:
        for _ in range(TALKS):
            talk(client, planter)
        result = client.close()
    assert (result.failed, result.dropped, result.pending) == (0, 0, 0)
    producer = Producer({"bootstrap.servers": running.kafka})
    counts = []
    for messages in (records(planter, ROUNDS), malformed(planter)):
        counts.append(0)
        for each in messages:
            producer.produce("chat." + each.topic, each.value, each.key, headers=each.headers)
            counts[-1] += 1
        assert producer.flush(60) == 0
    return result.sent + counts[0], counts[1]


def _settle(running: RunningStack, good: int, bad: int) -> None:
    """Wait until everything is stored, statistics included."""
    tables = [route.table for route in ROUTES.values() if route.coordinates]
    stored = "SELECT " + " + ".join(f"(SELECT count() FROM {table})" for table in tables)

    def number(query: str) -> int:
        return int(_query(running, query))

    eventually(lambda: number("SELECT count() FROM dead_letters") >= bad, 120, 0.2)
    eventually(lambda: number(stored) >= good, 120, 0.2)
    assert number("SELECT count() FROM dead_letters") == bad
    calls = number("SELECT sum(sample_weight) FROM calls")
    eventually(lambda: number("SELECT sum(calls) FROM panes") == calls, 60, 0.2)
    eventually(lambda: number("SELECT count() FROM rolling_versions"), 60, 0.2)


def _places(running: RunningStack, connection: KafkaConnection) -> Iterator[tuple[str, bytes]]:
    """Yield everything that outlives the raw topics, by name."""
    private = {connection.prefix + topic.name for topic in raw_topics()}
    topics = AdminClient(connection.librdkafka()).list_topics(timeout=30).topics
    for name in sorted(set(topics) - private - {f"{connection.prefix}dlq"}):
        yield f"topic {name}", _topic(KafkaConnection(running.kafka, ""), name)
    yield "readable fields of dead letters", _letters(connection)
    for database, table in _rows(running, _TABLES):
        content = _query(running, f"SELECT * FROM `{database}`.`{table}` FORMAT RowBinary")
        yield f"table {database}.{table}", content
    for folder in (running.data / "clickhouse", running.data / "logs", running.data / "run"):
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            yield f"file {path.relative_to(running.data)}", _content(path)


_TABLES = """
SELECT database, name FROM system.tables
WHERE database = 'turnlog' AND engine != 'View' OR database = 'system' AND (name LIKE '%_log' OR name = 'errors')
ORDER BY database, name
"""


def _topic(connection: KafkaConnection, name: str) -> bytes:
    pieces: list[bytes] = []
    for message in read(connection, name):
        pairs = message.headers() or []
        assert isinstance(pairs, list)
        pieces += [message.key() or b"", message.value() or b""]
        for key, value in pairs:
            pieces += [key.encode(), value if isinstance(value, bytes) else b""]
    return b"\0".join(pieces)


def _letters(connection: KafkaConnection) -> bytes:
    decoder = Decoder("DeadLetter", SchemaStore(), 32 * 1024 * 1024)
    pieces: list[str] = []
    for message in read(connection, "dlq"):
        letter: Mapping[str, object] = decoder.decode(message.value())
        pieces.append(str({name: value for name, value in letter.items() if name not in {"key", "payload"}}))
        pieces.append(str(message.headers()))
    return "\0".join(pieces).encode()


def _forms(value: str) -> set[bytes]:
    """Return what a value looks like as it is, in JSON and in JSON within JSON."""
    forms = {value}
    for ascii_only in (True, False):
        once = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        forms |= {once, json.dumps(once, ensure_ascii=ascii_only)[1:-1]}
    return {form.encode() for form in forms}


def _rows(running: RunningStack, query: str) -> list[tuple[str, str]]:
    lines = _query(running, f"{query} FORMAT JSONCompactEachRow").splitlines()
    return [(database, table) for database, table in map(json.loads, lines)]


def _query(running: RunningStack, query: str) -> bytes:
    url = f"{running.clickhouse}/?database=turnlog&asterisk_include_materialized_columns=1"
    with urllib.request.urlopen(url, data=query.encode(), timeout=60) as answer:
        content: bytes = answer.read()
    return content


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""  # merged away meanwhile
