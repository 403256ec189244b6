"""The promise of evolution, and what breaks it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from turnlog.schemas import RECORDS, Schema, load, released
from turnlog.schemas.compatibility import check, check_all, compare, lint


def changed(record: str, change: Callable[[dict[str, dict[str, Any]], dict[str, Any]], None]) -> Schema:
    """The current schema of a record after a change to its fields (by name) or definition."""
    definition = copy.deepcopy(dict(load(record).definition))
    change({field["name"]: field for field in definition["fields"]}, definition)
    return Schema.of(definition)


def test_every_schema_keeps_the_promise() -> None:
    assert [str(each) for each in check_all()] == []


def test_the_newest_release_is_what_is_current() -> None:
    newest = released()[max(released())]
    assert {name: newest[name].definition for name in RECORDS} == {name: load(name).definition for name in RECORDS}


def test_a_record_that_was_released_may_not_go() -> None:
    current = {name: load(name) for name in RECORDS if name != "Step"}
    assert {each.problem for each in check(current, released())} == {"was released and is gone"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda fields, whole: whole["fields"].append({"name": "new", "type": "string", "doc": "x"}), "new"),
        (lambda fields, whole: fields["start_time"]["type"].update(logicalType="timestamp-millis"), "timestamp-millis"),
        (lambda fields, whole: fields["cost"]["type"][1].update(scale=4), "scale changed from 9 to 4"),
        (lambda fields, whole: fields["error_type"].update(type=["null", "bytes"]), "between string and bytes"),
        (lambda fields, whole: whole.update(namespace="other"), "namespace"),
        (lambda fields, whole: fields["duration_us"].update(type="string"), "reader type: string not compatible"),
        (lambda fields, whole: whole["fields"].remove(fields["duration_us"]), "duration_us"),
    ],
)
def test_what_breaks_the_promise_is_named(change: Any, problem: str) -> None:
    assert any(problem in each for each in compare(changed("ModelCall", change), load("ModelCall")))


def test_a_new_enum_symbol_and_a_new_optional_field_are_fine() -> None:
    def grow(fields: dict[str, dict[str, Any]], whole: dict[str, Any]) -> None:
        fields["status"]["type"]["symbols"].append("throttled")
        whole["fields"].append({"name": "new", "type": ["null", "string"], "default": None, "doc": "x"})

    assert compare(changed("ModelCall", grow), load("ModelCall")) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda fields, whole: fields["name"].pop("doc"), "no doc"),
        (lambda fields, whole: fields["kind"]["type"]["symbols"].remove("UNKNOWN"), "starts with UNKNOWN"),
        (lambda fields, whole: fields["call_id"].pop("default"), "default null"),
        (lambda fields, whole: fields["call_id"].update(type=["string", "null"], default=""), "default null"),
    ],
)
def test_house_rules_are_checked(change: Any, problem: str) -> None:
    definition = copy.deepcopy(dict(load("Step").definition))
    change({field["name"]: field for field in definition["fields"]}, definition)
    schema = Schema("Step", definition, b"", None)
    assert any(problem in each for each in lint(schema))


def test_common_fields_are_the_same_in_every_event() -> None:
    shared = {field["name"]: field for field in load("Score").definition["fields"][:28]}
    assert next(iter(shared)) == "event_id"
    assert list(shared)[-1] == "ingest_time"
    for record in RECORDS[:9]:
        fields = {field["name"]: field for field in load(record).definition["fields"]}
        assert {name: fields[name] for name in shared} == shared
