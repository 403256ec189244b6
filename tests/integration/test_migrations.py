"""Migrations, retention and views on a real engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from turnlog.sinks import Flavour, MigrationError, Retention, client, migrate
from turnlog.sinks.migration import packaged

GAMMA = 1.01 / 0.99


@pytest.fixture
def server(clickhouse: str, database: str) -> Iterator[Client]:
    opened = client(clickhouse, database=database)
    yield opened
    opened.close()


@pytest.fixture
def migrated(server: Client, database: str) -> Client:
    migrate(server, database)
    return server


def put(server: Client, table: str, *rows: dict[str, Any]) -> None:
    body = "\n".join(json.dumps(row) for row in rows).encode()
    settings = {"date_time_input_format": "best_effort", "insert_deduplicate": 0}
    server.raw_insert(table, insert_block=body, fmt="JSONEachRow", settings=settings)


def ask(server: Client, query: str) -> list[dict[str, Any]]:
    return list(server.query(query).named_results())


def call(number: int, **more: Any) -> dict[str, Any]:
    head = {"event_id": f"01890000-0000-7000-8000-{number:012}", "producer_id": "01890000-0000-7000-8000-00000000000a"}
    return {**head, "sequence": number, "tenant_id": "t", "service_name": "bot", "status": "ok", **more}


def test_migrating_again_or_twice_at_once_changes_nothing(clickhouse: str, database: str, server: Client) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: migrate(clickhouse, database), range(3)))
    again = migrate(server, database)
    assert (again.applied, again.statements, again.retention) == ((), (), ())
    recorded = ask(server, "SELECT uniqExact(number) AS n FROM schema_migrations")
    assert recorded == [{"n": len(packaged())}]


def test_a_dry_run_says_everything_and_does_nothing(clickhouse: str, server: Client, database: str) -> None:
    told = migrate(clickhouse, database, dry_run=True)
    assert len(told.applied) == len(packaged())
    assert ask(server, f"SELECT name FROM system.tables WHERE database = '{database}'") == []
    assert migrate(clickhouse, database).statements == told.statements


def test_both_flavours_are_understood(server: Client) -> None:
    for statement in migrate(server, "elsewhere", flavour=Flavour("{cluster}"), dry_run=True).statements:
        if not statement.startswith("INSERT"):
            server.command(f"EXPLAIN AST {statement}")


def test_changed_missing_and_newer_migrations_are_said(migrated: Client, database: str) -> None:
    first, *others = packaged()
    with pytest.raises(MigrationError, match="0001_calls was changed"):
        migrate(migrated, database, migrations=(replace(first, template="SELECT 1;"), *others))
    with pytest.raises(MigrationError, match="upgrade turnlog"):
        migrate(migrated, database, migrations=(first, *others[:-1]))


def test_retention_follows_the_settings(migrated: Client, database: str) -> None:
    changed = migrate(migrated, database, retention=Retention(calls=10, bodies=5, panes=3))
    assert changed.retention == ("calls", "steps", "panes_versions")
    again = migrate(migrated, database, retention=Retention(calls=10, bodies=5, panes=3))
    assert again.statements == ()
    assert migrate(migrated, database).retention == ("calls", "steps", "panes_versions")


def test_rows_and_texts_are_forgotten_on_time(migrated: Client) -> None:
    def aged(number: int, days: int, **more: Any) -> dict[str, Any]:
        when = ask(migrated, f"SELECT toString(now64(6, 'UTC') - INTERVAL {days} DAY) AS at")[0]["at"]
        return call(number, event_time=when, source_time=when, input_messages="text", **more)

    put(
        migrated,
        "calls",
        aged(1, 1),
        aged(2, 40),
        aged(3, 190),
        aged(4, 190, hold=1),
        aged(5, 190, retention_days=300),
        aged(6, 2, retention_days=1),
        # Imported today, though it happened long ago: its age counts from today.
        call(7, event_time="2019-01-01 00:00:00", source_time=aged(0, 0)["event_time"], input_messages="text"),
    )
    migrated.command("OPTIMIZE TABLE calls FINAL")
    kept = ask(migrated, "SELECT sequence, input_messages AS text FROM calls ORDER BY sequence")
    assert {row["sequence"]: row["text"] for row in kept} == {1: "text", 2: "", 4: "text", 5: "text", 7: "text"}


def test_a_second_copy_of_an_event_goes_away(migrated: Client) -> None:
    moment = "2026-11-20 10:00:00"
    for offset in (1, 2):
        put(migrated, "calls", call(1, event_time=moment, source_offset=offset))
    migrated.command("OPTIMIZE TABLE calls FINAL")
    assert ask(migrated, "SELECT count() AS n FROM calls") == [{"n": 1}]


def test_the_account_tells_stored_dead_dropped_and_missing(migrated: Client) -> None:
    now = ask(migrated, "SELECT toString(now64(6, 'UTC')) AS at")[0]["at"]
    for _ in range(2):  # counting twice changes nothing
        put(migrated, "calls", *[call(number, event_time=now) for number in range(6)])
    report = {"sent": "12", "dropped.queue_full": "2", "dropped.invalid": "1"}
    put(migrated, "logs", call(11, event_time=now, event_name="turnlog.producer.report", attributes=report))
    letter = {
        "source_topic": "raw.calls",
        "source_partition": 0,
        "source_time": now,
        "dead_time": now,
        "stage": "redact",
    }
    put(migrated, "dead_letters", {**letter, "source_offset": 7, "producer_id": call(0)["producer_id"], "sequence": 7})
    put(migrated, "dead_letters", {**letter, "source_offset": 8})
    columns = "sent, stored, dead, dropped, dropped_total, missing, balanced, closed"
    assert ask(migrated, f"SELECT {columns} FROM account") == [
        {
            "sent": 12,
            "stored": 7,
            "dead": 1,
            "dropped": {"queue_full": 2, "invalid": 1},
            "dropped_total": 3,
            "missing": 1,
            "balanced": 0,
            "closed": 1,
        }
    ]
    assert ask(migrated, "SELECT missing, gaps FROM producer_gaps") == [{"missing": 1, "gaps": [(6, 6), (8, 10)]}]
    reasons = ask(migrated, "SELECT stage, letters FROM dead_letters_by_reason")
    assert reasons == [{"stage": "redact", "letters": 2}]


def test_panes_merge_and_quantiles_are_within_one_percent(migrated: Client) -> None:
    buckets = [100, 300, 500]
    values = [2 * GAMMA**bucket / (GAMMA + 1) / 1000 for bucket in buckets]
    now = ask(migrated, "SELECT toString(toStartOfMinute(now('UTC')) - 3600) AS at")[0]["at"]
    pane = {"tenant_id": "t", "service_name": "bot", "model": "m", "operation_name": "chat", "pane_start": now}
    pane |= {"source_topic": "raw.calls", "generation": "1970-01-01 00:00:00"}
    put(
        migrated, "panes_versions", {**pane, "source_partition": 0, "last_offset": 5, "calls": 1, "latency": {"500": 1}}
    )
    put(
        migrated,
        "panes_versions",
        {**pane, "source_partition": 0, "last_offset": 9, "calls": 51, "errors": 1, "latency": {"100": 51}},
        {**pane, "source_partition": 1, "last_offset": 3, "calls": 49, "latency": {"300": 45, "500": 4}},
    )
    assert ask(migrated, "SELECT sum(calls) AS n FROM panes") == [{"n": 100}]
    found = ask(migrated, "SELECT calls, error_rate, p50_ms, p95_ms, p99_ms FROM latency_by_model")[0]
    assert (found["calls"], found["error_rate"]) == (100, 0.01)
    assert [found["p50_ms"], found["p95_ms"], found["p99_ms"]] == pytest.approx([values[0], values[1], values[2]])


def test_panes_are_summed_up_by_the_hour_however_often(migrated: Client) -> None:
    start = ask(migrated, "SELECT toString(toStartOfHour(now('UTC') - INTERVAL 3 DAY)) AS at")[0]["at"]
    pane: dict[str, Any] = {
        "tenant_id": "t",
        "service_name": "bot",
        "model": "m",
        "operation_name": "chat",
        "source_topic": "raw.calls",
    }
    pane |= {"generation": "1970-01-01 00:00:00", "calls": 10, "cost": 0.5, "latency": {"100": 10}}
    put(
        migrated,
        "panes_versions",
        {**pane, "pane_start": start, "last_offset": 1, "calls": 3},
        {**pane, "pane_start": start, "last_offset": 2},
        {**pane, "pane_start": start, "source_partition": 1, "last_offset": 2},
    )
    for _ in range(2):
        migrated.command("SYSTEM REFRESH VIEW panes_rollup")
        migrated.command("SYSTEM WAIT VIEW panes_rollup")
    assert ask(migrated, "SELECT calls, toFloat64(cost) AS cost, latency FROM panes_hourly") == [
        {"calls": 20, "cost": 1.0, "latency": {100: 20}}
    ]


def test_views_count_by_weight_and_old_rows_weigh_one(server: Client, database: str) -> None:
    before = [each for each in packaged() if each.number < 11]
    migrate(server, database, migrations=before)
    base = ask(server, "SELECT toUnixTimestamp(now()) AS at")[0]["at"] - 7200

    def at(seconds: int, **more: Any) -> dict[str, Any]:
        paid = {"cost": 0.1, "cost_currency": "USD", "usage_input_tokens": 10, "response_model": "m"}
        return {"event_time": base + seconds, "start_time": base + seconds, "duration_us": 1_000_000, **paid, **more}

    put(server, "calls", call(1, **at(0)))
    assert migrate(server, database).applied[0] == "0011_weights"
    put(
        server,
        "calls",
        call(2, **at(1, sample_weight=8)),
        call(3, **at(2, status="error", duration_us=3_000_000)),
        call(4, **at(3, sample_weight=8, cost=None, cost_currency="", duration_us=2_000_000)),
    )
    put(server, "deployments", call(5, event_time=base + 10, chatbot="bot", action="rollout", deployment_id="d"))
    for number, (target, value, weight) in enumerate([(1, 1, 1), (2, 0, 1), (3, 1, 1), (4, 1, 8)]):
        score = {"name": "thumbs", "value": value, "target_event_id": call(target)["event_id"], "label": f"v{value}"}
        put(server, "scores", call(10 + number, event_time=base + 20, sample_weight=weight, **score))

    (effect,) = ask(server, "SELECT * FROM deployment_effect")
    assert (effect["calls_before"], effect["calls_after"]) == (18, 0)
    assert effect["error_rate_before"] == pytest.approx(1 / 18)
    assert (effect["p50_ms_before"], effect["p95_ms_before"]) == (1000 + 1000 / 2, pytest.approx(2150))
    assert effect["cost_per_call_before"] == pytest.approx(0.1)
    costs = ask(
        server,
        "SELECT cost_currency, calls, toFloat64(cost) AS usd, calls_without_price, input_tokens FROM cost_by_model",
    )
    assert {row["cost_currency"]: row for row in costs} == {
        "USD": {"cost_currency": "USD", "calls": 10, "usd": 1.0, "calls_without_price": 0, "input_tokens": 100},
        "": {"cost_currency": "", "calls": 8, "usd": None, "calls_without_price": 8, "input_tokens": 80},
    }
    (feedback,) = ask(server, "SELECT scores, mean_value, labels FROM feedback_by_model")
    assert (feedback["scores"], feedback["labels"]) == (18, {"v0": 8, "v1": 10})
    assert feedback["mean_value"] == pytest.approx(10 / 18)


def test_views_answer_what_people_ask(migrated: Client) -> None:
    def text(role: str, content: str) -> str:
        return json.dumps([{"role": role, "parts": [{"type": "text", "content": content}]}])

    base = ask(migrated, "SELECT toUnixTimestamp(now()) AS at")[0]["at"] - 7200

    def at(seconds: int) -> dict[str, Any]:
        return {"event_time": base + seconds, "start_time": base + seconds, "conversation_id": "c"}

    said = {"input_messages": text("user", "Why?"), "output_messages": text("assistant", "Because.")}
    slow = {"duration_us": 2_000_000, "status": "error", "response_model": "new", "cost": 0.2, "cost_currency": "USD"}
    fast = {"duration_us": 1_000_000, "response_model": "old", "cost": 0.1, "cost_currency": "USD"}
    put(migrated, "calls", *[call(n, **at(n), **fast, **said) for n in range(10)])
    put(migrated, "calls", *[call(n, **at(n), **slow, **said) for n in range(20, 30)])
    put(migrated, "deployments", call(15, event_time=base + 15, chatbot="bot", action="rollout", deployment_id="d"))
    put(migrated, "deployments", call(16, event_time=base + 40, chatbot="bot", action="rollback", deployment_id="e"))
    put(migrated, "steps", call(17, **at(5), kind="tool", name="search"))
    target = call(3)["event_id"]
    score = {"name": "thumbs", "value": 1, "target_event_id": target, "correction": "Well.", "source": "user"}
    put(migrated, "scores", call(18, **at(50), **score))
    security = {"event": "prompt_injection", "category": "injection", "verdict": "fail", "action": "blocked"}
    put(migrated, "security", call(19, **at(60), log_type="security", security=security))
    put(migrated, "model_versions", call(40, event_time=base, model_version_id="m1", name="old", training_data=["ds"]))
    put(migrated, "datasets", call(41, event_time=base, dataset_id="ds", name="chats", origin_uris=["s3://x"]))

    timeline = ask(migrated, "SELECT kind, input FROM conversation_timeline WHERE conversation_id = 'c'")
    assert [row["kind"] for row in timeline if row["kind"] != "call"] == ["tool", "score", "security"]
    assert len(timeline) == 23
    effects = ask(migrated, "SELECT * FROM deployment_effect")
    assert [(row["calls_before"], row["calls_after"]) for row in effects] == [(10, 10), (10, 0)]
    assert (effects[0]["error_rate_before"], effects[0]["error_rate_after"]) == (0, 1)
    assert (effects[0]["p95_ms_before"], effects[0]["p95_ms_after"]) == (1000, 2000)
    costs = ask(migrated, "SELECT model, sum(calls) AS n, sum(cost_by_model.cost) AS usd FROM cost_by_model GROUP BY 1")
    assert {row["model"]: (row["n"], float(row["usd"])) for row in costs} == {"old": (10, 1.0), "new": (10, 2.0)}
    feedback = ask(migrated, "SELECT model, scores, mean_value, corrections FROM feedback_by_model")
    assert feedback == [{"model": "old", "scores": 1, "mean_value": 1.0, "corrections": 1}]
    examples = ask(migrated, "SELECT question, answer, correction FROM training_examples")
    assert examples == [{"question": "Why?", "answer": "Because.", "correction": "Well."}]
    assert ask(migrated, "SELECT event, action FROM security_events") == [
        {"event": "prompt_injection", "action": "blocked"}
    ]
    assert ask(migrated, "SELECT dataset_name, origin_uris FROM provenance") == [
        {"dataset_name": "chats", "origin_uris": ["s3://x"]}
    ]
