"""Log lines, scores and the catalogue."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from turnlog.schemas import money_from_bytes
from workbench import Bench


def test_four_types_of_line_go_three_ways(bench: Bench) -> None:
    client = bench.client
    client.info("i", logger="app", template="{}")
    client.debug("d")
    client.error("e", severity=21, severity_text="CRITICAL")
    client.security(
        "mcp_prompt_injection", category="prompt_injection", risk_score=0.9, detector="guard", action="block"
    )
    client.log("info", "again")
    client.flush()
    sent = bench.recorded.recorded
    assert [(each.message.topic, each.event["log_type"], each.event["severity_number"]) for each in sent] == [
        ("raw.logs", "info", 9),
        ("raw.debug", "debug", 5),
        ("raw.logs", "error", 21),
        ("raw.security", "security", 13),
        ("raw.logs", "info", 9),
    ]  # fmt: skip
    security = bench.recorded.recorded[3].event
    assert security["event_name"] == security["body"] == "mcp_prompt_injection"
    assert security["security"]["event"] == "mcp_prompt_injection"
    assert security["security"]["risk_score"] == 0.9
    assert security["security"]["source_ip"] is None
    assert bench.recorded.recorded[0].event["logger_name"] == "app"


def test_an_exception_brings_its_traceback(bench: Bench) -> None:
    try:
        int("forty")
    except ValueError as error:
        bench.client.error("lookup failed", exception=error)
    event = bench.only("LogRecord")
    assert event["exception_type"] == "ValueError"
    assert "forty" in event["exception_message"]
    assert 'int("forty")' in str(event["exception_stacktrace"])
    assert "test_an_exception_brings_its_traceback" in str(event["exception_stacktrace"])


@pytest.mark.parametrize(
    ("value", "data_type", "number", "label"),
    [
        (0.5, "numeric", 0.5, None),
        (3, "numeric", 3.0, None),
        (True, "boolean", 1.0, None),
        ("good", "categorical", None, "good"),
        (None, "numeric", None, None),
    ],
)
def test_a_score_says_how_to_read_it(bench: Bench, value: Any, data_type: str, number: Any, label: Any) -> None:
    bench.client.score("s", value, source="user")
    event = bench.only("Score")
    assert (event["data_type"], event["value"], event["label"], event["source"]) == (data_type, number, label, "user")


def test_a_score_points_at_a_call_and_joins_its_chat(bench: Bench) -> None:
    with bench.client.conversation("c-1", user_key="u"), bench.client.turn("t-1"):
        call = bench.client.start_call(provider="p", model="m")
        call.finish()
    bench.client.score("thumbs", False, target=call)
    bench.client.score("thumbs", False, target=call.event_id)
    first, second = bench.events("Score")
    assert first["target_event_id"] == second["target_event_id"] == call.event_id
    assert (first["conversation_id"], first["turn_id"], first["trace_id"]) == ("c-1", "t-1", call.trace_id)
    assert second["conversation_id"] is None


def test_the_catalogue(bench: Bench) -> None:
    client = bench.client
    client.model_version("mv-1", provider="openai", name="gpt-4o", prices={"input_token": "2.5"}, aliases=["best"])
    client.model_version(
        "mv-2", provider="openai", name="gpt-4o", revision=2,
        prices=[{"unit": "images", "amount": Decimal("0.04"), "per": 1, "currency": "EUR", "valid_from": "2024-01-01"}],
    )  # fmt: skip
    client.deployment("d-1", "rollback", model_version_id="mv-1", traffic_percent=100, reason="slow")
    client.dataset(
        "ds-1", parents=["ds-0"], transformations=[{"step": "dedupe", "rows_in": 10, "parameters": {"k": 1}}]
    )
    client.flush()
    by_topic = [(each.message.topic, each.message.key) for each in bench.recorded.recorded]
    assert by_topic == [
        ("raw.models", b"mv-1"),
        ("raw.models", b"mv-2"),
        ("raw.deployments", b"support-bot"),
        ("raw.datasets", b"ds-1"),
    ]
    one, two = bench.events("ModelVersion")
    prices: Any = [one["prices"], two["prices"]]
    assert money_from_bytes(prices[0][0]["amount"]) == Decimal("2.5")
    assert prices[0][0]["per"] == 1_000_000
    assert (prices[1][0]["currency"], prices[1][0]["valid_from"]) == ("EUR", 1_704_067_200_000_000)
    assert bench.only("DeploymentEvent")["chatbot"] == "support-bot"
    dataset: Any = bench.only("Dataset")
    assert dataset["transformations"][0]["parameters"] == {"k": "1"}


@pytest.mark.parametrize("prices", [{"input_token": "cheap"}, [{"unit": "x"}], 3, {"input_token": Decimal("1e12")}])
def test_a_price_that_cannot_be_written_fails_its_event(bench: Bench, prices: Any) -> None:
    bench.client.model_version("mv-1", provider="p", name="m", prices=prices)
    assert bench.client.flush().reasons == {"invalid": 1}


def test_unknown_fields_become_attributes(bench: Bench) -> None:
    more: dict[str, Any] = {"colour": "blue", "size": [1, 2]}
    bench.client.info("x", attributes={"a": 1}, **more)
    assert bench.only("LogRecord")["attributes"] == {"a": "1", "colour": "blue", "size": "[1,2]"}
