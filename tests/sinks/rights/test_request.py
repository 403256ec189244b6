"""Requests as they are read, and the SQL and receipts that are made of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samples import NOW_US, bare
from turnlog.schemas import load
from turnlog.sinks.rights import TABLES, Kind, Outcome, RefusedRequestError, Request, Rows
from turnlog.sinks.rights.receipt import late_receipt, receipt, refusal, told
from turnlog.sinks.rights.request import FOREVER_US
from turnlog.sinks.rights.sql import hits, literal
from turnlog.sinks.routes import ROUTES

JANE, OLD = "<USER:k2-00000000000000aa>", "<USER:k1-00000000000000ab>"


def asked(**fields: Any) -> dict[str, Any]:
    given = {"kind": "erase", "subject_key": JANE, "privacy_request_id": "r-1", "tenant_id": "t", "requested_by": "dpo"}
    defaults = {
        each["name"]: each["default"] for each in load("PrivacyRequest").definition["fields"] if "default" in each
    }
    return {**defaults, **bare("PrivacyRequest"), **given, **fields}  # fmt: skip


def test_a_request_reaches_to_when_it_was_asked_and_no_further() -> None:
    request = Request.of(asked(subject_keys=[JANE, OLD]), NOW_US + 5)
    assert (request.tokens, request.range_from, request.range_to) == ((JANE, OLD), 0, NOW_US)
    assert request.subject == f"{JANE} and 1 more"
    assert Request.of(asked(event_time=NOW_US + 10**9), NOW_US).range_to == NOW_US, "whatever its own clock says"
    assert Request.of(asked(range_to=NOW_US - 7, range_from=3), NOW_US).range_to == NOW_US - 8, "exclusive"
    assert request.whole
    assert not Request.of(asked(range_to=NOW_US), NOW_US).whole
    assert not Request.of(asked(range_from=0), NOW_US).whole
    assert Request.of(asked(kind="restrict"), NOW_US).range_to == FOREVER_US
    assert Request.of(asked(due=2**62), NOW_US).due_us == FOREVER_US


def test_chats_may_be_named_alone() -> None:
    request = Request.of(asked(subject_key="c-1", conversation_ids=["c-1", "c-2"]), NOW_US)
    assert (request.tokens, request.conversations) == ((), ("c-1", "c-2"))


@pytest.mark.parametrize(
    "fields",
    [
        {"subject_key": "jane@example.com"},
        {"subject_keys": ["Jane"]},
        {"subject_key": "<SECRET:password>"},
        {"subject_key": f"{JANE} jane"},
        {"conversation_ids": ["jane@example.com"]},
        {"subject_key": ""},
        {"subject_keys": ["<USER:k1-0000000000000000>"]},
        {"kind": "UNKNOWN"},
        {"privacy_request_id": "jane@example.com"},
        {"scope": ["schema_migrations"]},
        {"tenant_id": "*"},
        {"tenant_id": "jane@example.com"},
        {"tenant_id": "t" * 501},
        {"requested_by": "jane " * 101},
        {"conversation_ids": [f"c-{number}" for number in range(1001)]},
        {"subject_keys": [f"<USER:k1-{number:016x}>" for number in range(251)]},
    ],
)
def test_who_is_named_in_plain_or_not_at_all_is_refused_and_not_quoted(fields: dict[str, Any]) -> None:
    with pytest.raises(RefusedRequestError) as error:
        Request.of(asked(**fields), NOW_US)
    assert "jane" not in str(error.value).lower()
    act = refusal(
        str(fields.get("tenant_id", "t")),
        str(fields.get("privacy_request_id", "r-1")),
        str(error.value),
        "chat.privacy:0:1",
        NOW_US,
    )
    assert "jane" not in json.dumps(act.datum()).lower()


def test_every_table_with_something_about_people_is_known() -> None:
    personal = {route.table for route in ROUTES.values() if "user_key" in load(route.record).fields}
    assert personal - {"audit"} == set(TABLES)
    columns = {route.table: set(load(route.record).fields) for route in ROUTES.values()}
    columns["steps"] |= {"document_refs"}
    for table in TABLES.values():
        assert {*table.texts, *([table.link] if table.link else [])} <= columns[table.name]
        planted = {"turn_id", "service_name", "attributes", "session_id"}
        assert planted <= set(table.texts), "whatever a client can fill"


@given(st.text())
def test_a_literal_ends_where_it_should(text: str) -> None:
    written = literal(text)
    assert written[0] == written[-1] == "'"
    inner = written[1:-1].replace("\\\\", "").replace("\\'", "").replace("\\0", "")
    assert "'" not in inner
    assert "\\" not in inner


def test_conditions_quote_what_they_are_given() -> None:
    request = Request("r-1", "t' OR 1 --", Kind.ERASE, (JANE,), range_to=5, range_from=2)
    for table in TABLES.values():
        condition = Rows("db", request).all_of(table)
        assert "tenant_id = 't\\' OR 1 --'" in condition
        assert "event_time >= fromUnixTimestamp64Micro(2" in condition
        assert (JANE in condition) == bool(table.texts)
        assert "system.parts" in hits("db", table, 7)
        assert "system.parts" not in hits("db", table, None)


def test_receipts_say_what_how_many_when_and_how_it_was_verified() -> None:
    request = Request.of(asked(due=NOW_US + 10), NOW_US)
    act = receipt(request, Outcome("done", None, {"calls": 3, "logs": 2, "steps": 0}, "counted"), NOW_US + 20)
    assert (act.action, act.tenant, act.resource, act.rows) == ("privacy.erase", "t", JANE, 5)
    found = dict(act.attributes)
    assert found["late"] == "true"
    assert found["copies_in_kafka_until"] > found["requested_time"]
    assert {name: found[name] for name in found if name.startswith("rows.")} == {"rows.calls": "3", "rows.logs": "2"}
    assert "scope" not in found
    limited = Request.of(asked(scope=["calls"], range_from=NOW_US - 5), NOW_US)
    limits = dict(receipt(limited, Outcome("done", None, {}, "", {"rows_of_others_in_chats": "2"}), NOW_US).attributes)
    assert limits | {"scope": "calls", "rows_of_others_in_chats": "2"} == limits
    assert limits["range_from"] <= limits["range_to"]
    later = late_receipt(request, {"calls": 1}, 6, NOW_US + 30)
    assert (later.rows, later.attributes["erased_in_all"]) == (1, "6")
    assert later.attributes["copies_in_kafka_until"] > found["requested_time"]
    events = [each.datum() for each in (act, later, refusal("t", "r-1", "no", "p", NOW_US))]
    assert told(events) == {("t", "r-1"): {"calls": 4, "logs": 2}}
    refused = receipt(request, Outcome("refused", "on hold"), NOW_US)
    assert (refused.outcome, refused.reason) == ("refused", "on hold")
    assert "copies_in_kafka_until" not in refused.attributes
