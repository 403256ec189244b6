"""People's rights on the real engine: what is a subject's goes, or stays on hold, and nothing of anybody else's."""

from __future__ import annotations

import json
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka import Producer

from integration.rights_book import CATALOGUE, DAY, EVENTS, JANE, JOE, MAIL, NOW, Book, everything, request
from support import eventually
from turnlog.schemas import KafkaConnection
from turnlog.sinks import Retention, migrate
from turnlog.sinks.audit import read_topic
from turnlog.sinks.log import logger
from turnlog.sinks.rights import TABLES, BundleFormat, Carrier, Exporter, Kind, Ledger, Outcome, Request, write_bundle
from turnlog.sinks.rights.__main__ import _consumer
from turnlog.sinks.rights.settings import RightsSettings
from turnlog.sinks.rights.worker import RightsWorker
from turnlog.stack import topics
from turnlog.stack.rights import Subject, ask, read_asked


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
    assert {row[0] for row in server.query(ties).result_rows} == {"", JOE}
    for table in CATALOGUE:
        everywhere = f"SELECT count() FROM {table} WHERE multiSearchAny(toString(tuple(*)), ['{JANE}', '{MAIL}'])"
        assert server.query(everywhere).result_rows == [(0,)], "nor who is named in one"
    inactive = "SELECT sum(rows) FROM system.parts WHERE database = currentDatabase() AND table = 'calls' AND active"
    assert server.query(inactive).result_rows[0][0] == len(book.left("calls")), "deleted physically, not masked"
    assert server.query("SELECT sent, stored, missing FROM account").result_rows == before
    # Begun anew after a kill, it does nothing and says the same.
    assert carrier.carry_out(asked) == done


def test_what_arrives_late_is_swept_up_whichever_way_it_is_hers(carrier: Carrier, book: Book) -> None:
    everything(book)
    carrier.carry_out(request(Kind.ERASE, "e1"))
    carrier.carry_out(request(Kind.ERASE, "e2", tokens=(), conversations=("c's \\chat",)))
    assert list(carrier.sweep(None)) == []
    since = int(time.time()) - 3
    others = book.left(*EVENTS)
    hers, more, _ = everything(book)
    chat = {book.put("logs", user_key=JOE, conversation_id="c's \\chat")}
    # A chat that no table knew when the erasure was carried out.
    hers |= {book.put("logs", conversation_id="jane-3"), book.put("debug", user_key=JANE, conversation_id="jane-3")}
    book.write()
    touched = {each.id: rows for each, rows in carrier.sweep(since)}
    assert touched.keys() == {"e1", "e2"}
    assert sum(touched["e1"].values()) == len(hers) + 2 * len(CATALOGUE)
    assert touched["e2"]["logs"] == len(chat)
    assert book.left(*EVENTS) == others | more
    assert list(carrier.sweep(since)) == []


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
    assert list(carrier.sweep(None)) == []

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
    act = book.put("audit", action="privacy.restrict", resource=f"{JANE} and 1 more")
    book.put("audit", action="privacy.restrict", resource=JOE)
    book.write()
    file = tmp_path / "jane.zip"
    bundle = write_bundle(f"{clickhouse}/{server.database}", request(Kind.EXPORT, "x1"), file, form)
    assert bundle.sha256 == sha256(file.read_bytes()).hexdigest()
    assert file.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(file) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        assert manifest["rows"] == bundle.rows
        assert manifest["total"] == len(hers) + len(kept) + 1
        assert {name.partition(".")[0] for name in archive.namelist()} == {*TABLES, "audit", "manifest"}
        if form is BundleFormat.JSONL:
            found = {
                json.loads(line)["event_id"]
                for name in (*TABLES, "audit")
                for line in archive.read(f"{name}.jsonl").decode().splitlines()
            }
            assert found == hers | kept | {act}
    assert server.query("SELECT count() FROM privacy_marks").result_rows[0][0] == 0


def test_an_export_that_is_asked_for_by_the_topic_is_written_to_the_folder_for_them(
    server: Client, clickhouse: str, carrier: Carrier, book: Book, tmp_path: Path
) -> None:
    hers, _, kept = everything(book)
    asked = request(Kind.EXPORT, "x1")
    assert carrier.carry_out(asked).outcome == "refused", "without a folder"
    exporter = Exporter(f"{clickhouse}/{server.database}", tmp_path / "exports")
    writing = Carrier(Ledger(server, str(server.database)), exporter.export)
    done = writing.carry_out(asked)
    assert (done.outcome, sum(done.rows.values())) == ("done", len(hers) + len(kept))
    (file,) = (tmp_path / "exports").iterdir()
    assert done.more == {"file": file.name, "sha256": sha256(file.read_bytes()).hexdigest()}
    again = writing.carry_out(asked)
    assert again.rows == done.rows, "begun anew after a kill"
    (tmp_path / "file").touch()
    assert Exporter(clickhouse, tmp_path / "file" / "x").export(asked).outcome == "failed"


class Obliging(Carrier):
    """Says that it has done what was asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.calls = 3

    def carry_out(self, request: Request) -> Outcome:
        self.asked.append(request)
        return Outcome("done", None, {"calls": 3}, "counted")

    def now(self) -> int:
        return 0

    def sweep(self, since: int | None) -> Iterator[tuple[Request, dict[str, int]]]:
        yield from ()

    def erased(self) -> dict[tuple[str, str], dict[str, int]]:
        return {("t", each.id): {"calls": self.calls} for each in self.asked}

    def erasure(self, tenant: str, request_id: str) -> Request:
        return next(each for each in self.asked if (each.tenant, each.id) == (tenant, request_id))


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


def test_what_a_worker_erased_and_died_over_before_it_could_say_so_is_in_a_receipt_of_the_next(
    connection: KafkaConnection,
) -> None:
    topics.apply(connection)
    number = ask(connection, Kind.ERASE, Subject((JANE,), ()), tenant="t", requested_by="dpo", due_us=None, now_us=NOW)
    carrier = Obliging()
    with working(connection, carrier):
        eventually(lambda: len(read_topic(connection)) == 1, 60, 0.3)
    carrier.calls = 5
    for _ in range(2):  # told of once, whoever comes after
        with working(connection, carrier):
            eventually(lambda: len(read_topic(connection)) > 1, 60, 0.3)
            other = ask(connection, Kind.ERASE, Subject((JOE,), ()), tenant="u", requested_by="", due_us=None, now_us=1)
            eventually(lambda: any(each.id == other for each in carrier.asked), 60, 0.3)  # noqa: B023 - this round's
    first, late = read_topic(connection, "t")
    assert [each["attributes"]["rows.calls"] for each in (first, late)] == ["3", "2"]
    assert late["attributes"] | {"erased_in_all": "5", "privacy_request_id": number} == late["attributes"]
