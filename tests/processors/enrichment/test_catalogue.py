from decimal import Decimal
from typing import Any

import pytest

from turnlog.processors.enrichment import Catalogue
from turnlog.schemas import Datum, money_from_bytes, money_to_bytes

HOUR = 3_600_000_000
NOW = 1_760_000_000_000_000


def model(model_id: str, **fields: Any) -> Datum:
    return {
        "event_id": f"e-{model_id}-{fields.get('revision', 1)}",
        "event_time": NOW,
        "tenant_id": "default",
        "model_version_id": model_id,
        "revision": 1,
        "provider_name": "openai",
        "name": model_id,
        "version": None,
        "state": "active",
        "aliases": [],
        "match_names": [],
        "prices": [],
        **fields,
    }


def price(unit: str, amount: str, **fields: Any) -> Datum:
    return {
        "unit": unit,
        "amount": money_to_bytes(Decimal(amount)),
        "per": 1_000_000,
        "currency": "EUR",
        "valid_from": None,
        "valid_to": None,
        **fields,
    }


def deployment(number: int, deployment_id: str, model_id: str | None, **fields: Any) -> Datum:
    return {
        "event_id": f"d{number}",
        "event_time": NOW + number * HOUR,
        "sequence": number,
        "tenant_id": "default",
        "environment": "production",
        "chatbot": "bot",
        "deployment_id": deployment_id,
        "action": "rollout",
        "state": "succeeded",
        "model_version_id": model_id,
        "traffic_percent": None,
        "variant": None,
        **fields,
    }


def call(**fields: Any) -> Datum:
    return {
        "event_time": NOW,
        "tenant_id": "default",
        "environment": "production",
        "service_name": "bot",
        "provider_name": "openai",
        "request_model": "none-such",
        "response_model": None,
        "model_version_id": None,
        "deployment_id": None,
        "variant": None,
        "usage_input_tokens": None,
        "usage_output_tokens": None,
        "usage_cache_read_input_tokens": None,
        "usage_cache_creation_input_tokens": None,
        "usage": {},
        "cost": None,
        "cost_currency": None,
        "cost_source": None,
        **fields,
    }


def catalogue(*models: Datum, deployments: tuple[Datum, ...] = ()) -> Catalogue:
    made = Catalogue()
    for each in models:
        made.put_model(each)
    for each in deployments:
        made.put_deployment(each)
    return made


@pytest.mark.parametrize(
    "name", ["m-1", "Helper", "helper-v2", "gpt-4o", "gpt-4o-2024-08-06", "the-alias", "helper:v2", "HELPER@V2"]
)
def test_a_model_is_found_by_id_name_alias_and_match(name: str) -> None:
    entry = model("m-1", name="helper", version="v2", aliases=["the-alias"], match_names=["gpt-4o", "gpt-4o-2024*"])
    assert catalogue(entry).enrich(call(request_model=name))["model_version_id"] == "m-1"


def test_the_model_that_answered_says_more_than_the_one_asked_for() -> None:
    both = catalogue(model("a"), model("b"))
    assert both.enrich(call(request_model="a", response_model="b"))["model_version_id"] == "b"


def test_the_longest_beginning_wins() -> None:
    made = catalogue(model("short", match_names=["gpt-*"]), model("long", match_names=["gpt-4o*"]))
    assert made.enrich(call(request_model="gpt-4o-mini"))["model_version_id"] == "long"


def test_the_provider_must_agree() -> None:
    made = catalogue(model("m", provider_name="azure"), model("any", provider_name="", aliases=["m"]))
    assert made.enrich(call(request_model="m"))["model_version_id"] == "any"
    assert made.enrich(call(request_model="m", provider_name="Azure"))["model_version_id"] == "m"


def test_the_highest_revision_is_in_force_in_whatever_order_they_come() -> None:
    old, new = model("m", revision=1, aliases=["x"]), model("m", revision=2, aliases=["y"])
    for order in ([old, new], [new, old]):
        made = catalogue(*order)
        assert made.enrich(call(request_model="y"))["model_version_id"] == "m"
        assert made.enrich(call(request_model="x"))["model_version_id"] is None


def test_a_living_model_is_preferred_to_a_retired_one() -> None:
    made = catalogue(model("a", aliases=["x"], state="retired"), model("b", aliases=["x"], state="registered"))
    assert made.enrich(call(request_model="x"))["model_version_id"] == "b"


def test_tenants_have_their_own_and_fall_back_to_the_common_ones() -> None:
    made = catalogue(model("common", aliases=["x", "y"]), model("own", tenant_id="t", aliases=["x"]))
    assert made.enrich(call(tenant_id="t", request_model="x"))["model_version_id"] == "own"
    assert made.enrich(call(tenant_id="t", request_model="y"))["model_version_id"] == "common"
    assert made.enrich(call(tenant_id="default", request_model="own"))["model_version_id"] is None


def test_what_the_producer_gave_stays() -> None:
    made = catalogue(model("m"), deployments=(deployment(0, "d", "m", variant="v"),))
    given = call(request_model="m", model_version_id="z", deployment_id="e", variant="w", cost=b"\x01")
    assert made.enrich(given) == {**given, "cost_source": "producer"}


def test_the_deployment_in_force_at_the_time() -> None:
    events = (deployment(3, "d3", "a", action="rollback"), deployment(1, "d1", "a"), deployment(2, "d2", "b"))
    made = catalogue(model("a"), model("b"), deployments=events)

    def at(hours: float, name: str) -> Any:
        return made.enrich(call(request_model=name, event_time=NOW + int(hours * HOUR)))["deployment_id"]

    assert at(0.5, "a") is None
    assert at(1, "a") == "d1"
    assert at(2.5, "b") == "d2"
    assert at(2.5, "a") is None
    assert at(3.5, "a") == "d1", "a rollback brings back the deployment before"


def test_arms_of_a_ramp_are_told_apart_by_model_or_variant() -> None:
    arms = (
        deployment(0, "d1", "a", variant="control"),
        deployment(1, "d2", "b", action="ramp", traffic_percent=10.0, variant="new"),
    )
    made = catalogue(model("a"), model("b"), deployments=arms)
    later = NOW + 2 * HOUR
    assert (
        made.enrich(call(request_model="b", event_time=later)).items()
        >= {"deployment_id": "d2", "variant": "new"}.items()
    )
    assert made.enrich(call(variant="control", event_time=later, model_version_id="a"))["deployment_id"] == "d1"
    assert made.enrich(call(event_time=later))["deployment_id"] is None


def test_a_deployment_tells_the_model_that_nobody_registered() -> None:
    made = catalogue(deployments=(deployment(0, "d", "m-9"),))
    assert made.enrich(call()).items() >= {"deployment_id": "d", "model_version_id": "m-9"}.items()


def test_planned_failed_and_retired_deployments_are_not_in_force() -> None:
    made = catalogue(
        deployments=(
            deployment(0, "d0", "a", state="planned"),
            deployment(1, "d1", "a"),
            deployment(2, "d2", "a", state="failed"),
            deployment(3, "d1", "a", action="retire"),
        )
    )
    assert made.enrich(call(event_time=NOW))["deployment_id"] is None
    assert made.enrich(call(event_time=NOW + 2 * HOUR))["deployment_id"] == "d1"
    assert made.enrich(call(event_time=NOW + 3 * HOUR))["deployment_id"] is None


def test_own_prices_win_and_cached_tokens_are_priced_apart() -> None:
    prices = [
        price("input_token", "10"),
        price("output_token", "30"),
        price("cache_read_input_token", "1"),
        price("image", "0.5", per=1),
        price("output_token", "99", valid_from=NOW + 1),
    ]
    made = catalogue(model("gpt-4o", prices=prices))
    priced = made.enrich(
        call(
            request_model="gpt-4o",
            usage_input_tokens=1000,
            usage_cache_read_input_tokens=400,
            usage_cache_creation_input_tokens=100,
            usage_output_tokens=200,
            usage={"image": 2.0, "unknown": 5.0},
        )
    )
    expected = Decimal("0.006") + Decimal("0.0004") + Decimal("0.006") + 1
    assert money_from_bytes(priced["cost"]) == expected
    assert (priced["cost_currency"], priced["cost_source"]) == ("EUR", "model_version")


def test_the_public_table_prices_the_rest() -> None:
    priced = Catalogue().enrich(call(request_model="gpt-4o-mini", usage_input_tokens=1_000_000, usage_output_tokens=0))
    assert money_from_bytes(priced["cost"]) == Decimal("0.15")
    assert (priced["cost_currency"], priced["cost_source"]) == ("USD", "genai-prices")


def test_unknown_models_and_unused_ones_cost_nothing_known() -> None:
    assert Catalogue().enrich(call(usage_input_tokens=5))["cost"] is None
    assert Catalogue().enrich(call(request_model="gpt-4o-mini"))["cost"] is None
