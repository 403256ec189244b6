from __future__ import annotations

import re
from pathlib import Path

import pytest

from turnlog.schemas import SettingError, load
from turnlog.sinks import Flavour, MigrationError, Retention
from turnlog.sinks.migration import load as load_migrations
from turnlog.sinks.migration import packaged
from turnlog.sinks.retention import TABLES, expression
from turnlog.sinks.routes import ROUTES
from turnlog.sinks.template import render, statements


def rendered(flavour: Flavour | None = None) -> str:
    return "\n".join(render(each.template, "db", flavour or Flavour(), Retention()) for each in packaged())


def test_every_placeholder_is_filled_in_both_flavours() -> None:
    for flavour in (Flavour(), Flavour("{cluster}")):
        assert "{{" not in rendered(flavour)


def test_every_statement_may_be_repeated() -> None:
    for statement in statements(rendered()):
        assert re.match(r"(CREATE|ALTER|DROP) .*(IF (NOT )?EXISTS|OR REPLACE)", statement.splitlines()[0]), statement


def test_a_cluster_replicates_every_table_on_every_node() -> None:
    for statement in statements(rendered(Flavour("main"))):
        assert " ON CLUSTER 'main'" in statement
        if "ENGINE =" in statement:
            assert "ENGINE = Replicated" in statement
            assert " replicated_deduplication_window = " in statement


def test_every_table_forgets_and_has_a_column_for_every_field() -> None:
    creates = {
        match[1]: statement
        for statement in statements(rendered())
        if (match := re.match(r"CREATE TABLE IF NOT EXISTS db\.(\w+)", statement))
    }
    assert set(creates) == set(TABLES)
    added: dict[str, set[str]] = {}
    for table, column in re.findall(r"ALTER TABLE db\.(\w+) ADD COLUMN IF NOT EXISTS (\w+) ", rendered()):
        added.setdefault(table, set()).add(column)
    for route in ROUTES.values():
        create = creates[route.table]
        assert "\nTTL " in create
        dropped = {"key", "payload"} if route.record == "DeadLetter" else set()
        columns = set(re.findall(r"^    (\w+) ", create, re.MULTILINE)) | added.get(route.table, set())
        assert set(load(route.record).fields) - dropped <= columns
        assert not dropped & columns


def test_ages_count_from_the_brokers_time_and_rows_have_their_say() -> None:
    assert expression("calls", Retention(calls=5)) == (
        "if(hold = 1, toDateTime('2106-01-01 00:00:00', 'UTC'), toDateTime(source_time, 'UTC') + "
        "toIntervalDay(least(greatest(ifNull(retention_days, 5), 0), 20000)))"
    )


def test_settings_out_of_range_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNLOG_RETENTION_AUDIT", "0")
    with pytest.raises(SettingError, match="TURNLOG_RETENTION_AUDIT"):
        Retention.read()


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("A; B;\n", ["A", "B"]),
        ("-- a; b\nA -- c;\n;B", ["A", "B"]),
        ("SELECT ';' AS a, 'it''s; \\';', `;`; B", ["SELECT ';' AS a, 'it''s; \\';', `;`", "B"]),
        ("/* ; */ A - B / C; ;", ["A - B / C"]),
        ("", []),
    ],
)
def test_statements_end_at_semicolons_outside_of_quotes_and_comments(sql: str, wanted: list[str]) -> None:
    assert [" ".join(each.split()) for each in statements(sql)] == wanted


def test_unknown_placeholders_are_refused() -> None:
    with pytest.raises(MigrationError, match="nonsense"):
        render("{{nonsense}}", "db", Flavour(), Retention())


@pytest.mark.parametrize("names", [["0001_a.sql", "0003_b.sql"], ["0001_a.sql", "0001_b.sql"], ["a.sql"]])
def test_holes_doubles_and_odd_names_are_refused(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(MigrationError):
        load_migrations(tmp_path)


@pytest.mark.parametrize("name", ["a'b", "", "x y"])
def test_cluster_names_stay_within_their_quotes(name: str) -> None:
    with pytest.raises(SettingError):
        Flavour(name)
