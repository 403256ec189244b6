"""Stored rows are replaced by what newer rules make of their raw records: once, whatever was killed in between."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any

import pytest
from confluent_kafka import Producer

from samples import bare
from turnlog.processors.settings import ProcessorSettings
from turnlog.schemas import Encoder, KafkaConnection, load, uuid7
from turnlog.schemas.topics import BY_NAME
from turnlog.sinks import Address, client, migrate
from turnlog.stack import topics
from turnlog.stack.reprocess import Counts, RawRange, Refining, Table, reprocess
from turnlog.stack.reprocess import run as steps

RAW = BY_NAME["raw.logs"]
OLD = "old-rules"


class Case:
    """Raw log records, some of which are stored as older rules had them."""

    def __init__(self, connection: KafkaConnection, address: Address) -> None:
        topics.apply(connection, 1)
        migrate(address)
        self.connection = connection
        self.address = address
        self.client = client(address)

    def produce(self, bodies: list[str]) -> list[str]:
        """Write raw records and return their ids."""
        producer = Producer(self.connection.librdkafka())
        ids = [uuid7() for _ in bodies]
        now = time.time_ns() // 1000
        for event_id, body in zip(ids, bodies, strict=True):
            datum = bare("LogRecord", event_id=event_id, body=body, event_time=now, observed_time=now)
            producer.produce(f"{self.connection.prefix}raw.logs", Encoder("LogRecord").encode(datum), partition=0)
        assert producer.flush(30) == 0
        return ids

    def store(self, kept: range) -> None:
        """Store raw records as they are: as rules that know nothing would have done."""
        table = self.table()
        with closing(table), Refining(ProcessorSettings.read(), self.connection, "", print) as refining:
            for batch in RawRange(self.connection, f"{self.connection.prefix}raw.logs").batches():
                refined = refining.refine(RAW, batch.partition, [batch.records[index] for index in kept])
                encode, decode = Encoder("LogRecord").encode, refining._parts.refinery(RAW)._decode
                raw = {each.offset: each.value for each in batch.records}
                old = [
                    each._replace(message=encode({**decode(raw[each.offset]), "redaction_rules": OLD}))
                    for each in refined
                ]
                table.insert(batch.partition, old)

    def table(self) -> Table:
        return Table(self.address, "logs", load("LogRecord"))

    def run(self, name: str = "", **more: Any) -> Counts:
        with closing(self.table()) as table, Refining(ProcessorSettings.read(), self.connection, name, print) as each:
            return reprocess(RAW, RawRange(self.connection, f"{self.connection.prefix}raw.logs"), each, table, **more)

    def rows(self) -> list[tuple[str, str]]:
        found = self.client.query("SELECT toString(event_id), body FROM logs ORDER BY source_offset").result_rows
        return [(str(event_id), str(body)) for event_id, body in found]

    def stamps(self) -> set[str]:
        return {str(row[0]) for row in self.client.query("SELECT DISTINCT redaction_rules FROM logs").result_rows}


@pytest.fixture
def case(connection: KafkaConnection, clickhouse: str, database: str, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.setenv("TURNLOG_PSEUDONYM_KEY", "k" * 32)
    return Case(connection, Address.parse(clickhouse, database))


def test_rows_are_replaced_once_and_what_is_not_stored_stays_away(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = case.produce([f"mail from jane{number}@example.com" for number in range(6)])
    case.store(range(5))
    case.client.command("ALTER TABLE logs UPDATE hold = 1 WHERE source_offset = 4", settings={"mutations_sync": 2})
    assert case.rows()[0][1] == "mail from jane0@example.com"
    assert case.run(dry_run=True) == Counts(read=6, replaced=4, absent=1, held=1)
    assert case.stamps() == {OLD}

    # Killed after the new rows were stored: they stand there twice.
    with monkeypatch.context() as patched:
        patched.setattr(steps, "_check", _die)
        with pytest.raises(KilledError):
            case.run()
    assert len(case.rows()) == 9

    assert case.run() == Counts(read=6, replaced=4, absent=1, held=1)
    assert [event_id for event_id, _ in case.rows()] == ids[:5]
    assert all(body.startswith("mail from <EMAIL:k1-") for _, body in case.rows()[:4])
    assert case.rows()[4][1] == "mail from jane4@example.com"

    assert case.run() == Counts(read=6, current=4, absent=1, held=1)
    assert case.run("new-keys").replaced == 4
    assert case.run("new-keys").current == 4
    assert [event_id for event_id, _ in case.rows()] == ids[:5]
    assert any(stamp.endswith("+new-keys") for stamp in case.stamps())

    raw = f"{case.connection.prefix}raw.logs"
    time_ms = next(iter(RawRange(case.connection, raw).batches())).records[0].timestamp_ms
    assert not list(RawRange(case.connection, raw, None, time_ms).batches())
    (batch,) = RawRange(case.connection, raw, time_ms, time_ms + 60_000).batches()
    assert len(batch.records) == 6
    assert not list(RawRange(case.connection, raw, time_ms + 60_000).batches())


class KilledError(Exception):
    """Stands for a kill."""


def _die(*_: object) -> None:
    raise KilledError
