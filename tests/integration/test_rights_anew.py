"""What people's rights come to where a worker died half-way, or where several requests meet."""

from __future__ import annotations

from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from integration.rights_book import EVENTS, JANE, JOE, MAIL, NOW, SECOND, Book, everything, request
from turnlog.sinks.rights import TABLES, Carrier, Kind, Request
from turnlog.sinks.rights.request import FOREVER_US


class KilledError(Exception):
    """Stands for a kill."""


def hold(number: str, *tokens: str) -> Request:
    return request(Kind.RESTRICT, number, tokens=tokens, range_to=FOREVER_US)


def held(server: Client, token: str) -> int:
    return int(server.query(f"SELECT count() FROM logs WHERE user_key = '{token}' AND hold = 1").result_rows[0][0])


def test_a_release_that_was_cut_off_says_what_it_released(
    carrier: Carrier, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything(book)
    carrier.carry_out(hold("r1", JANE))
    release = request(Kind.RELEASE, "x1", tokens=(JANE,))
    note = carrier._ledger.note

    def die(asked: Request, state: str) -> None:
        if state == "done":
            raise KilledError
        note(asked, state)

    with monkeypatch.context() as patched:
        patched.setattr(carrier._ledger, "note", die)
        with pytest.raises(KilledError):
            carrier.carry_out(release)
    done = carrier.carry_out(release)
    assert (done.outcome, done.reason) == ("done", "released request r1")
    assert sum(done.rows.values()) > len(EVENTS)
    assert carrier.carry_out(request(Kind.RELEASE, "x2", tokens=(JANE,))).outcome == "refused"


def test_a_worker_that_was_slow_undoes_nothing(server: Client, carrier: Carrier, book: Book) -> None:
    everything(book)
    restriction, erasure = hold("r1", JANE), request(Kind.ERASE, "e1")
    carrier.carry_out(restriction)
    carrier.carry_out(request(Kind.RELEASE, "x1", tokens=(JANE,)))
    carrier._ledger.note(restriction, "active")
    assert sum(carrier._hold(restriction).values()) == held(server, JANE) == 0
    carrier.carry_out(erasure)
    carrier._ledger.note(erasure, "open")
    assert [each.id for each in carrier._ledger.active(Kind.ERASE)] == ["e1"]
    assert carrier._ledger.active(Kind.RESTRICT) == []


def test_what_two_restrictions_hold_is_not_free_for_a_moment(
    server: Client, carrier: Carrier, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    book.put("logs", user_key=JOE, body=f"as {MAIL} says")
    book.put("logs", user_key=JANE)
    book.write()
    carrier.carry_out(hold("r1", JANE, MAIL))
    carrier.carry_out(hold("r2", JOE))
    do = carrier._ledger.do
    seen: list[int] = []

    def watch(statement: str) -> None:
        do(statement)
        seen.append(held(server, JOE))

    monkeypatch.setattr(carrier._ledger, "do", watch)
    released = carrier.carry_out(request(Kind.RELEASE, "x1", tokens=(JANE,)))
    assert (released.outcome, released.rows["logs"]) == ("done", 1)
    assert set(seen) == {1}
    assert held(server, JANE) == 0


def test_a_receipt_says_what_others_wrote_in_the_subjects_chats_and_which_tables_were_meant(
    carrier: Carrier, book: Book
) -> None:
    everything(book)
    done = carrier.carry_out(request(Kind.ERASE, "e1", scope=("logs", "calls")))
    assert done.verified == "counted after deletion: 0 rows in logs, calls"
    assert done.more == {"rows_of_others_in_chats": "2"}, "Joe joined her chat"
    assert set(done.rows) == {"logs", "calls"}


def filled(kind: Any, text: str) -> Any:
    """A value of an Avro type with a text in it; None where it holds none."""
    if isinstance(kind, list):
        return filled(next(each for each in kind if each != "null"), text)
    match kind if isinstance(kind, str) else kind["type"]:
        case "string":
            return text
        case "map":
            return {text: text if kind["values"] == "string" else 1}
        case "array":
            return [filled(kind["items"], text)]
        case "record":
            whole = {each["name"]: filled(each["type"], text) for each in kind["fields"]}
            return {name: value for name, value in whole.items() if value is not None}
    return None


def test_a_pseudonym_is_found_in_whatever_column_it_stands(carrier: Carrier, book: Book) -> None:
    hers = {
        book.put(table, **{column: filled(kind, f"x {MAIL}")})
        for table in EVENTS
        for column, kind in TABLES[table].texts.items()
        if column != "document_refs"  # the table makes it
    }
    others = {book.put(table, user_key=JOE) for table in EVENTS}
    book.write()
    done = carrier.carry_out(request(Kind.ERASE, "e1", tokens=(MAIL,)))
    assert sum(done.rows.values()) == len(hers)
    assert book.left(*EVENTS) == others


def test_no_model_is_trained_on_what_is_restricted(server: Client, carrier: Carrier, book: Book) -> None:
    said = '[{"role": "assistant", "parts": [{"type": "text", "content": "yes"}]}]'
    calls = [book.put("calls", user_key=user, output_messages=said) for user in (JANE, JOE)]
    for call in calls:
        book.put("scores", target_event_id=call, name="thumbs")
    book.write()

    def examples() -> set[str]:
        return {str(row[0]) for row in server.query("SELECT event_id FROM training_examples").result_rows}

    assert examples() == set(calls)
    carrier.carry_out(hold("r1", JANE))
    assert examples() == {calls[1]}
    carrier.carry_out(request(Kind.RELEASE, "x1", tokens=(JANE,)))
    assert examples() == set(calls)


def test_who_is_named_in_what_another_had_restricted_is_told_by_which_request(carrier: Carrier, book: Book) -> None:
    book.put("logs", user_key=JOE, body=f"as {MAIL} says")
    book.put("logs", user_key=JANE)
    book.write()
    carrier.carry_out(hold("r2", JOE))
    refused = carrier.carry_out(request(Kind.ERASE, "e1"))
    assert (refused.outcome, refused.reason) == (
        "refused",
        "1 rows are on hold, by request r2: release them and ask again",
    )


def test_a_chat_that_was_erased_stays_so_though_it_goes_on_or_is_replayed_without_its_times(
    carrier: Carrier, book: Book
) -> None:
    everything(book)
    carrier.carry_out(request(Kind.ERASE, "e1"))
    carrier.carry_out(request(Kind.ERASE, "e2", tokens=(JOE,), whole=False))
    stays = book.left(*EVENTS)
    late = NOW + 3600 * SECOND
    for table in EVENTS:
        book.put(table, user_key=JANE, conversation_id="jane-1", time=late)
        book.put(table, conversation_id="jane-1", time=late)
        stays |= {
            book.put(table, user_key=JANE, conversation_id="jane-9", time=late),
            book.put(table, user_key=JOE, conversation_id="joe-1", time=late),  # asked for up to a time
        }
    book.write()
    assert [each.id for each, _ in carrier.sweep(None)] == ["e1"]
    assert book.left(*EVENTS) == stays


def test_a_chat_that_comes_while_an_erasure_begins_is_known_when_its_rows_are_gone(
    carrier: Carrier, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything(book)
    note = carrier._ledger.note

    def arrive(asked: Request, state: str) -> None:
        note(asked, state)
        if state == "active":
            book.put("calls", user_key=JANE, conversation_id="jane-7")
            book.write()

    monkeypatch.setattr(carrier._ledger, "note", arrive)
    carrier.carry_out(request(Kind.ERASE, "e1"))
    line = book.put("logs", conversation_id="jane-7")
    book.write()
    assert [each.id for each, _ in carrier.sweep(None)] == ["e1"]
    assert line not in book.left("logs")
