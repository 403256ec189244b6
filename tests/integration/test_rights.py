"""People's rights on the real engine: what is a subject's goes, or stays on hold, and nothing of anybody else's."""

from __future__ import annotations

import json
import threading
import time
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import Producer

from support import eventually
from turnlog.schemas import KafkaConnection
from turnlog.sinks import Retention, client, migrate
from turnlog.sinks.audit import read_topic
from turnlog.sinks.log import logger
from turnlog.sinks.rights import TABLES, Carrier, Kind, Ledger, Outcome, Request
from turnlog.sinks.rights.__main__ import _consumer
from turnlog.sinks.rights.settings import RightsSettings
from turnlog.sinks.rights.worker import RightsWorker
from turnlog.stack import topics
from turnlog.stack.rights import BundleFormat, Subject, ask, read_asked, write_bundle

JANE, JOE = "<USER:k1-00000000000000aa>", "<USER:k1-00000000000000bb>"
MAIL = "<EMAIL:k1-0000aaaa>"
NOW = int(time.time()) * 1_000_000
SECOND = 1_000_000
DAY = 86_400 * SECOND
EVENTS = [name for name, table in TABLES.items() if not table.catalogue]
CATALOGUE = [name for name, table in TABLES.items() if table.catalogue]


@pytest.fixture
def server(clickhouse: str, database: str) -> Iterator[Client]:
    opened = client(clickhouse, database=database)
    migrate(opened, database)
    yield opened
    opened.close()


@pytest.fixture
def carrier(server: Client, database: str) -> Carrier:
    return Carrier(Ledger(server, database))


class Book:
    """Writes rows with numbers of their own, a table's together."""

    def __init__(self, server: Client) -> None:
        self._server = server
        self._number = 0
        self._waiting: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)

    def put(self, table: str, **row: Any) -> str:
        self._number += 1
        number = str(UUID(int=self._number))
        time_us = row.pop("time", NOW - 60 * SECOND)
        whole = {"event_id": number, "event_time": time_us / SECOND, "source_time": time_us / SECOND, "tenant_id": "t"}
        whole |= {"producer_id": str(UUID(int=7)), "sequence": self._number, "service_name": "bot"}
        keys = {"model_versions": "model_version_id", "datasets": "dataset_id"}
        whole |= {keys[table]: number} if table in keys else {}
        self._waiting[table].append(whole | row)
        return number

    def write(self) -> None:
        for table, rows in self._waiting.items():
            body = "\n".join(map(json.dumps, rows)).encode()
            self._server.raw_insert(table, insert_block=body, fmt="JSONEachRow", settings={"insert_deduplicate": 0})
        self._waiting.clear()

    def left(self, *tables: str) -> set[str]:
        return {
            str(row[0]) for table in tables for row in self._server.query(f"SELECT event_id FROM {table}").result_rows
        }


@pytest.fixture
def book(server: Client) -> Book:
    return Book(server)


def request(kind: Kind, number: str, **more: Any) -> Request:
    given: dict[str, Any] = {"tokens": (JANE, MAIL), "range_to": NOW} | more
    return Request(number, "t", kind, **given)


def everything(book: Book, time_us: int = NOW - 60 * SECOND) -> tuple[set[str], set[str], set[str]]:
    """Rows of Jane's in every way in which one can be hers; rows of others' beside them; rows of catalogues."""
    hers, others = set(), set()
    for table in EVENTS:
        hers |= {
            book.put(table, user_key=JANE, conversation_id="jane-1", trace_id="jt", time=time_us),
            book.put(table, conversation_id="jane-1", trace_id="jt2", time=time_us),  # her chat, without her
            # A request of hers, of calls in another partition.
            book.put(table, trace_id="jt", time=time_us - (40 * DAY if table == "calls" else 0)),
            book.put(table, user_key=JOE, attributes={"who": f"as {MAIL} says"}, time=time_us),
        }
        others |= {
            book.put(table, user_key=JOE, conversation_id="jane-1", trace_id="jt", time=time_us),  # joined her chat
            book.put(table, user_key=JOE, conversation_id="joe-1", time=time_us),
            book.put(table, conversation_id="joe-1", time=time_us),
            book.put(table, time=time_us),
            book.put(table, tenant_id="other", user_key=JANE, conversation_id="jane-1", time=time_us),
            book.put(table, user_key=JANE, conversation_id="jane-2", time=NOW + SECOND),  # she goes on chatting
        }
    call = book.put("calls", user_key=JANE, time=time_us)
    hers |= {call, book.put("scores", target_event_id=call, time=time_us), book.put("logs", call_id=call, time=time_us)}
    kept = {book.put(table, user_key=JANE, conversation_id="jane-1", time=time_us) for table in CATALOGUE}
    book.write()
    return hers, others, kept


def test_an_erasure_takes_all_that_is_the_subjects_and_nothing_else(
    server: Client, carrier: Carrier, book: Book
) -> None:
    hers, others, kept = everything(book)
    before = server.query("SELECT sent, stored, missing FROM account").result_rows
    asked = request(Kind.ERASE, "e1")
    done = carrier.carry_out(asked)
    assert (done.outcome, sum(done.rows.values())) == ("done", len(hers) + len(kept))
    assert book.left(*EVENTS) == others
    assert book.left(*CATALOGUE) == kept, "a release stays, without who had to do with it"
    ties = " UNION ALL ".join(f"SELECT concat(user_key, conversation_id) AS tie FROM {table}" for table in CATALOGUE)
    assert {row[0] for row in server.query(ties).result_rows} == {""}
    inactive = "SELECT sum(rows) FROM system.parts WHERE database = currentDatabase() AND table = 'calls' AND active"
    assert server.query(inactive).result_rows[0][0] == len(book.left("calls")), "deleted physically, not masked"
    assert server.query("SELECT sent, stored, missing FROM account").result_rows == before
    # Begun anew after a kill, it does nothing and says the same.
    assert carrier.carry_out(asked) == done


def test_what_arrives_late_is_swept_up_whichever_way_it_is_hers(carrier: Carrier, book: Book) -> None:
    everything(book)
    carrier.carry_out(request(Kind.ERASE, "e1"))
    carrier.carry_out(request(Kind.ERASE, "e2", tokens=(), conversations=("c's \\chat",)))
    assert carrier.sweep(None) == []
    since = int(time.time()) - 3
    others = book.left(*EVENTS)
    hers, more, _ = everything(book)
    chat = {book.put("logs", user_key=JOE, conversation_id="c's \\chat")}
    # A chat that no table knew when the erasure was carried out.
    hers |= {book.put("logs", conversation_id="jane-3"), book.put("debug", user_key=JANE, conversation_id="jane-3")}
    book.write()
    touched = {each.id: rows for each, rows in carrier.sweep(since)}
    assert touched.keys() == {"e1", "e2"}
    assert sum(touched["e1"].values()) == len(hers) + len(CATALOGUE)
    assert touched["e2"]["logs"] == len(chat)
    assert book.left(*EVENTS) == others | more
    assert carrier.sweep(since) == []


def test_a_hold_outlives_retention_and_erasure_until_it_is_released(
    server: Client, database: str, carrier: Carrier, book: Book
) -> None:
    old = NOW - 2 * DAY
    hers = {book.put("debug", user_key=JANE, conversation_id="jane-1", time=old) for _ in range(3)}
    book.put("debug", user_key=JOE, time=old)
    book.write()
    held = carrier.carry_out(request(Kind.RESTRICT, "r1", tokens=(JANE,), range_to=2 * NOW))
    assert (held.outcome, held.rows["debug"]) == ("done", 3)
    hers.add(book.put("debug", user_key=JANE, time=old + 1))
    book.write()
    assert [(each.id, rows["debug"]) for each, rows in carrier.sweep(None)] == [("r1", 1)]
    migrate(server, database, retention=Retention(debug=1))
    server.command(f"OPTIMIZE TABLE {database}.debug FINAL")
    assert book.left("debug") == hers, "retention took Joe's line and left those on hold"

    refused = carrier.carry_out(request(Kind.ERASE, "e1"))
    assert (refused.outcome, refused.reason) == (
        "refused",
        "4 rows are on hold, by request r1: release them and ask again",
    )
    assert book.left("debug") == hers
    assert carrier.sweep(None) == []

    released = carrier.carry_out(request(Kind.RELEASE, "x1", tokens=(JANE,)))
    assert (released.outcome, released.rows["debug"]) == ("done", 4)
    assert carrier.carry_out(request(Kind.RELEASE, "x2", tokens=(JANE,))).outcome == "refused"
    erased = carrier.carry_out(request(Kind.ERASE, "e2"))
    assert erased.outcome == "done"
    assert book.left("debug") == set()


@pytest.mark.parametrize("form", list(BundleFormat))
def test_an_export_holds_all_of_a_subjects_rows_and_counts_them(
    server: Client, clickhouse: str, book: Book, tmp_path: Path, form: BundleFormat
) -> None:
    hers, _, kept = everything(book)
    file = tmp_path / "jane.zip"
    counts = write_bundle(f"{clickhouse}/{server.database}", request(Kind.EXPORT, "x1"), file, form)
    with zipfile.ZipFile(file) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        assert manifest["rows"] == counts
        assert manifest["total"] == len(hers) + len(kept)
        assert {name.partition(".")[0] for name in archive.namelist()} == {*TABLES, "manifest"}
        if form is BundleFormat.JSONL:
            found = {
                json.loads(line)["event_id"]
                for name in TABLES
                for line in archive.read(f"{name}.jsonl").decode().splitlines()
            }
            assert found == hers | kept
    assert server.query("SELECT count() FROM privacy_marks").result_rows[0][0] == 0


class Obliging(Carrier):
    """Says that it has done what was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def carry_out(self, request: Request) -> Outcome:
        self.asked.append(request)
        return Outcome("done", None, {"calls": 3}, "counted")

    def now(self) -> int:
        return 0

    def sweep(self, since: int | None) -> list[tuple[Request, dict[str, int]]]:
        return []


@contextmanager
def working(connection: KafkaConnection, carrier: Carrier) -> Iterator[None]:
    consumer = _consumer(connection, RightsSettings(session_seconds=6))
    worker = RightsWorker(connection, consumer, carrier, log=logger(), sweep_seconds=1)
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)


def test_every_request_gets_one_receipt_and_who_is_named_in_plain_is_refused(connection: KafkaConnection) -> None:
    topics.apply(connection)

    def put(*tokens: str) -> str:
        subject = Subject(tokens, ())
        return ask(connection, Kind.ERASE, subject, tenant="t", requested_by="dpo", due_us=None, now_us=NOW)

    plain = put("jane@example.com")
    producer = Producer(connection.librdkafka(log_level=0))
    producer.produce(f"{connection.prefix}privacy", b"no request")
    assert producer.flush(20) == 0
    good = put(JANE, MAIL)
    carrier = Obliging()
    with working(connection, carrier):
        eventually(lambda: len(read_topic(connection)) == 3, 60, 0.3)
    assert [each.id for each in carrier.asked] == [good]
    events = read_topic(connection)
    assert [each["outcome"] for each in events] == ["refused", "refused", "done"]
    assert "jane" not in json.dumps(events)
    receipts = {each["attributes"].get("privacy_request_id"): each for each in events}
    assert receipts[good]["attributes"]["rows.calls"] == "3"
    assert "in plain" in receipts[plain]["reason"]
    again = put(JOE)
    with working(connection, carrier):
        eventually(lambda: len(read_topic(connection)) == 4, 60, 0.3)
    assert [each.id for each in carrier.asked] == [good, again], "what was answered is not answered again"
    assert [each.state(NOW) for each in read_asked(connection)] == ["refused", "done", "done"]
