"""The chain's pure part: hashes, links, and what breaks them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnlog.schemas import Datum, Decoder, Encoder, SchemaStore
from turnlog.sinks.audit import Act, Anchor, BreakKind, chains, check, digest, link

GUIDE = Path(__file__).parents[3] / "docs" / "rights.md"


def chain(length: int, tenant: str = "t") -> list[Datum]:
    events: list[Datum] = []
    for number in range(length):
        act = Act("ann", "privacy.erase", f"<USER:k1-{number:016x}>", tenant=tenant, rows=number, attributes={"n": "1"})
        events.append(link(act.datum(), events[-1] if events else None))
    return events


def rehashed(event: Datum, **more: Any) -> Datum:
    changed = {**event, **more}
    return {**changed, "hash": digest(changed)}


def test_a_chain_is_whole_as_it_was_written_and_as_it_is_read() -> None:
    events = chain(5)
    assert check("t", events) is None
    store = SchemaStore()
    read = [Decoder("AuditEvent", store).decode(Encoder("AuditEvent").encode(each)) for each in events]
    assert [digest(each) for each in read] == [each["hash"] for each in events]
    # A table holds the empty text where nothing is known.
    stored = [{**each, "reason": each["reason"] or "", "previous_hash": each["previous_hash"] or ""} for each in read]
    assert check("t", stored) is None
    assert check("t", []) is None


@given(st.dictionaries(st.text(), st.text(), max_size=4), st.text(min_size=1), st.integers(0, 2**62))
def test_a_hash_depends_on_every_field_and_on_nothing_else(attributes: dict[str, str], text: str, rows: int) -> None:
    event = link(Act("ann", "a", "r", attributes=attributes, rows=rows).datum(), None)
    assert digest({**event, "a_field_of_later": None}) == event["hash"]
    assert digest({**event, "reason": text}) != event["hash"]
    assert digest({**event, "rows_affected": rows + 1}) != event["hash"]
    assert digest({**event, "attributes": {**attributes, "more": text}}) != event["hash"]


def exchange(events: list[Datum], one: int, two: int, *fields: str) -> None:
    first, second = events[one], events[two]
    events[one] = {**first, **{name: second[name] for name in fields}}
    events[two] = {**second, **{name: first[name] for name in fields}}


SWAPS: dict[str, tuple[str, ...]] = {
    "number": ("chain_number",),
    "number and link": ("chain_number", "previous_hash"),
    "hash": ("hash",),
    "content": ("event_id", "event_time", "observed_time", "producer_id", "resource", "rows_affected"),
}


@pytest.mark.parametrize("fields", SWAPS.values(), ids=SWAPS)
@pytest.mark.parametrize("pair", [(0, 1), (1, 3), (2, 5)])
def test_swapped_rows_are_named(fields: tuple[str, ...], pair: tuple[int, int]) -> None:
    events = chain(6)
    exchange(events, *pair, *fields)
    events.sort(key=lambda each: each["chain_number"])
    found = check("t", events)
    assert found is not None
    assert (found.kind, {found.number, found.other}) == (BreakKind.SWAPPED, {pair[0] + 1, pair[1] + 1}), str(found)


def test_swapped_records_of_a_topic_or_file_are_named() -> None:
    events = chain(6)
    events[1], events[4] = events[4], events[1]
    assert str(check("t", events)).endswith("was swapped with event 5")


Change = Callable[[list[Datum]], None]
BREAKS: dict[str, tuple[Change, BreakKind, int]] = {
    "altered": (lambda them: them.__setitem__(2, {**them[2], "rows_affected": 0}), BreakKind.ALTERED, 3),
    "missing": (lambda them: them.__delitem__(2), BreakKind.MISSING, 3),
    "missing first": (lambda them: them.__delitem__(0), BreakKind.MISSING, 1),
    "rewritten": (lambda them: them.__setitem__(2, rehashed(them[2], reason="x")), BreakKind.REWRITTEN, 4),
    "doubled": (lambda them: them.insert(3, rehashed(them[2], reason="x")), BreakKind.DOUBLED, 3),
    "unnumbered": (lambda them: them.append(Act("x", "y", "z").datum()), BreakKind.UNNUMBERED, 0),
    "forged first": (lambda them: them.__setitem__(0, rehashed(them[0], previous_hash="x")), BreakKind.REWRITTEN, 1),
}  # fmt: skip


@pytest.mark.parametrize(("change", "kind", "number"), BREAKS.values(), ids=BREAKS)
def test_a_break_is_named(change: Change, kind: BreakKind, number: int) -> None:
    events = chain(6)
    change(events)
    found = check("t", events)
    assert found is not None
    assert (found.kind, found.number) == (kind, number)
    assert str(number) in str(found)


def test_only_an_anchor_tells_that_the_end_was_cut_off_or_all_of_it_written_anew() -> None:
    events = chain(6)
    anchor = Anchor.of(events[4])
    bare = Anchor("t", 0, events[4]["hash"], "")
    for each in (anchor, bare):
        assert check("t", events, [each]) is None
        assert check("t", events[:4]) is None
        found = check("t", events[:4], [each])
        assert found is not None
        assert (found.kind, found.number) == (BreakKind.TRUNCATED, 5)
    found = check("t", chain(6), [anchor])
    assert found is not None
    assert found.kind is BreakKind.REWRITTEN
    assert check("t", events, [Anchor("other", 9, "x", "")]) is None


def test_every_tenant_has_a_chain_of_its_own() -> None:
    one, two = chain(3, "one"), chain(2, "two")
    mixed = [one[0], two[0], one[1], two[1], one[2]]
    assert chains(mixed) == {"one": one, "two": two}


def test_the_check_in_the_docs_says_the_same() -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    said: dict[str, Any] = {}
    exec(code, said)
    lines = [json.dumps(event, ensure_ascii=False, sort_keys=True) for event in chain(4)]
    assert said["is_whole"](lines)
    assert not said["is_whole"]([lines[0], *lines[2:]])
    assert not said["is_whole"]([lines[0], lines[1].replace('"ann"', '"bob"'), *lines[2:]])
