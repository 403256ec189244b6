"""What commands do is on the audit trail: begun before, done or failed after, and nothing happens unrecorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import pytest

from turnlog.schemas import KafkaConnection, SettingError, TransientError
from turnlog.sinks import Migrated
from turnlog.stack import acts, cli
from turnlog.stack.acts import note_migration, recorded
from turnlog.stack.commands import access, reprocess
from turnlog.stack.commands.sql import change_in
from turnlog.stack.reprocess import Counts
from turnlog.stack.servers import CLICKHOUSE_VARIABLE, KAFKA_VARIABLE, Servers


@pytest.fixture
def trail(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, dict[str, Any]]]:
    """What is recorded, instead of Kafka."""
    found: list[tuple[str, str, dict[str, Any]]] = []

    def record(_connection: KafkaConnection, _actor: str, action: str, resource: str, **more: Any) -> None:
        found.append((action, resource, more))

    monkeypatch.setattr("turnlog.sinks.audit.record_act", record)
    monkeypatch.setenv(KAFKA_VARIABLE, "127.0.0.1:1")
    monkeypatch.setenv(CLICKHOUSE_VARIABLE, "http://127.0.0.1:1")
    return found


def test_an_act_is_recorded_before_and_after(trail: list[tuple[str, str, dict[str, Any]]]) -> None:
    with recorded("a.test", "r", "why") as end:
        assert [more["outcome"] for _, _, more in trail] == ["begun"]
        end.rows = 3
        end.attributes["what"] = "it"
    assert [more["outcome"] for _, _, more in trail] == ["begun", "done"]
    assert (trail[1][2]["rows"], trail[1][2]["attributes"]) == (3, {"what": "it"})
    with pytest.raises(ZeroDivisionError), recorded("a.test", "r"):
        raise ZeroDivisionError
    assert [more["outcome"] for _, _, more in trail[2:]] == ["begun", "failed"]


def test_what_can_not_be_recorded_does_not_happen(trail: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise TransientError("no Kafka")

    monkeypatch.setattr("turnlog.sinks.audit.record_act", away)
    with pytest.raises(TransientError), recorded("a.test", "r"):
        pytest.fail("it happened")


def test_access_that_could_not_be_given_is_recorded_as_failed(
    trail: list[tuple[str, str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise SettingError("Kafka has no access control")

    monkeypatch.setattr(access, "apply_acls", refuse)
    assert cli.run(["access", "apply", "--kafka", "--user", "nobody=x"]) == 2
    assert trail == []
    assert cli.run(["access", "apply", "--kafka"]) == 2
    assert [(action, more["outcome"]) for action, _, more in trail] == [
        ("access.apply", "begun"),
        ("access.apply", "failed"),
    ]


def test_a_dry_run_that_reads_raw_topics_is_recorded_too(
    trail: list[tuple[str, str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Nothing:
        def __init__(self, *_: object) -> None: ...

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def close(self) -> None: ...

        def schema(self, _: object) -> None: ...

    for name in ("Refining", "Table", "RawRange"):
        monkeypatch.setattr(reprocess, name, Nothing)
    monkeypatch.setattr(reprocess, "reprocess_topic", lambda *_, **__: Counts(read=7, replaced=2))
    assert cli.run(["reprocess", "--topic", "logs", "--dry-run"]) == 0
    assert cli.run(["reprocess", "--topic", "logs"]) == 0
    ends = [(more["outcome"], more["rows"], more["reason"]) for _, _, more in trail]
    assert ends == [
        ("begun", None, "dry run, from the beginning to now"),
        ("done", 0, "dry run, from the beginning to now"),
        ("begun", None, "from the beginning to now"),
        ("done", 2, "from the beginning to now"),
    ]
    assert trail[1][2]["attributes"] == {"raw_records_read": "7"}


@pytest.mark.parametrize(
    ("query", "change"),
    [
        ("SELECT 1", None),
        ("  -- DROP TABLE x\n with 1 AS a SELECT a", None),
        ("/* why */ alter table calls delete where user_key = 'jane'", "alter table calls delete"),
        ("INSERT INTO logs VALUES ('jane@example.com')", "INSERT INTO logs VALUES"),
        ("DELETE FROM calls WHERE 1", "DELETE FROM calls WHERE"),
        ("DROP USER 'jane@example.com'", "DROP USER"),
        ("", None),
    ],
)
def test_statements_that_change_something_are_told_without_values(query: str, change: str | None) -> None:
    assert change_in(query) == change


def test_a_statement_that_is_not_taken_is_recorded_as_failed(trail: list[tuple[str, str, dict[str, Any]]]) -> None:
    assert cli.run(["sql", "DROP TABLE calls"]) == 2  # nothing listens there
    assert cli.run(["sql", "SELECT 1"]) == 2
    assert [(action, resource, more["outcome"]) for action, resource, more in trail] == [
        ("sql", "DROP TABLE calls", "begun"),
        ("sql", "DROP TABLE calls", "failed"),
    ]


def test_a_change_of_retention_says_to_how_many_days_and_new_schemas_are_told_of_once(
    trail: list[tuple[str, str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acts, "_is_known", lambda *_: False)
    monkeypatch.setenv("TURNLOG_RETENTION_DEBUG", "5")
    done = Migrated(("0014_x",), (), ("debug", "calls", "system.query_log"))
    note_migration(Servers(), done)
    told = {action: more["attributes"] for action, _, more in trail}
    assert told["database.migrate"] == {"applied": "0014_x"}
    assert told["retention.change"] == {"debug": "5 d", "calls": "183 d, texts 30 d", "system.query_log": "14 d"}
    assert {"release", "ModelCall"} <= set(told["schemas.release"])
    trail.clear()
    monkeypatch.setattr(acts, "_is_known", lambda *_: True)
    note_migration(Servers(), Migrated((), (), ()))
    note_migration(Servers(), done, new=True)
    assert trail == []
