"""What a call cost: by the model version's own prices, else by a public table."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from genai_prices import Usage
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelPrice

from turnlog.processors.enrichment.models import Price
from turnlog.schemas import Datum, money_to_bytes

_DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Cost(NamedTuple):
    """An amount of money.

    Attributes:
        amount: How much.
        currency: ISO 4217 code.
        source: Where the price came from.
    """

    amount: Decimal
    currency: str
    source: str

    def fields(self) -> Datum:
        """Return the record's fields; none where the amount is beyond what they hold."""
        try:
            amount = money_to_bytes(self.amount)
        except OverflowError:
            return {}
        return {"cost": amount, "cost_currency": self.currency, "cost_source": self.source}


def by_own_prices(prices: Sequence[Price], call: Datum) -> Cost | None:
    """Price a call by its model version's prices that were in force at its time.

    Input totals include cached tokens: those are priced apart where there is a price for them, else as input. Returns
    None if no price applies to anything used, or if prices are in different currencies.
    """
    valid = {each.unit: each for each in prices if each.holds(call["event_time"])}
    if not valid:
        return None
    total = Decimal(0)
    currencies: set[str] = set()
    for unit, count in _units(call, valid):
        price = valid.get(unit)
        if price is not None and count:
            total += Decimal(price.amount).scaleb(-9) * Decimal(str(count)) / price.per
            currencies.add(price.currency)
    return Cost(total, currencies.pop(), "model_version") if len(currencies) == 1 else None


def _units(call: Datum, priced: Mapping[str, Any]) -> list[tuple[str, float]]:
    plain = call["usage_input_tokens"] or 0
    units: list[tuple[str, float]] = []
    for unit, field in _CACHED.items():
        if unit in priced:
            count = call[field] or 0
            units.append((unit, count))
            plain -= count
    units += [("input_token", max(plain, 0)), ("output_token", call["usage_output_tokens"] or 0)]
    units += [(unit, count) for unit, count in call["usage"].items() if unit not in _TOKENS]
    return units


_CACHED = {
    "cache_read_input_token": "usage_cache_read_input_tokens",
    "cache_creation_input_token": "usage_cache_creation_input_tokens",
}
_TOKENS = {"input_token", "output_token", *_CACHED}


def by_public_table(call: Datum) -> Cost | None:
    """Price a call by the table that comes with genai-prices and is not fetched; None if it has no price."""
    counts = {
        "input_tokens": call["usage_input_tokens"],
        "output_tokens": call["usage_output_tokens"],
        "cache_read_tokens": call["usage_cache_read_input_tokens"],
        "cache_write_tokens": call["usage_cache_creation_input_tokens"],
    }
    used = {name: count for name, count in counts.items() if count}
    if not used:
        return None
    day = call["event_time"] // _DAY_US
    for model in (call["response_model"], call["request_model"]):
        prices = _prices(call["provider_name"], model, day) if model else None
        if prices is not None:
            total = prices.cost(used)
            return None if total is None else Cost(total, "USD", "genai-prices")
    return None


class _UnitPrices:
    """A model's prices on one day: a product per kind of token, or the table's own arithmetic where there are tiers."""

    def __init__(self, price: ModelPrice) -> None:
        self._price = price
        self._read = price.cache_read_mtok
        self._write = price.cache_write_mtok
        # Prices of other kinds of token (audio, images …) don't matter: a call's usage names only these four.
        self._plain = all(
            each is None or isinstance(each, Decimal)
            for each in (price.input_mtok, price.output_mtok, self._read, self._write)
        )

    def cost(self, used: Mapping[str, int]) -> Decimal | None:
        if not self._plain:
            return self._by_table(used)
        read, write = used.get("cache_read_tokens", 0), used.get("cache_write_tokens", 0)
        plain = used.get("input_tokens", 0)
        total = Decimal(0)
        for count, price in ((read, self._read), (write, self._write)):
            if count and isinstance(price, Decimal):
                plain -= count
                total += count * price
        for count, price in (
            (max(plain, 0), self._price.input_mtok),
            (used.get("output_tokens", 0), self._price.output_mtok),
        ):
            if isinstance(price, Decimal):
                total += count * price
        return total.scaleb(-6)

    def _by_table(self, used: Mapping[str, int]) -> Decimal | None:
        try:
            return self._price.calc_price(Usage(**used))["total_price"]
        except (ValueError, LookupError, TypeError, AttributeError):
            return None


@lru_cache(maxsize=8192)
def _prices(provider: str, model: str, day: int) -> _UnitPrices | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _, found = get_snapshot().find_provider_model(model, None, provider.lower(), None)
            return _UnitPrices(found.get_prices(_EPOCH + timedelta(days=day)))
    except (LookupError, ValueError, OverflowError):
        return None
