"""Whether a decoded record's values can be: checks derived from its schema, and a few of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from turnlog.processors.redaction.fields import UUID
from turnlog.schemas import Datum, load
from turnlog.schemas.errors import InvalidDatumError

EARLIEST_US = -2_208_988_800_000_000
"""1900-01-01, the first moment of ClickHouse's DateTime64."""

LATEST_US = 10_413_791_999_999_999
"""The last of 2299-12-31, its last."""

MAX_RETENTION_DAYS = 36_500
MAX_SAMPLE_WEIGHT = 1_000_000
"""One event that stands for more is a mistake, and would make statistics of it alone."""
_MONEY_LIMIT = 10**18

Check = Callable[[Any], bool]


def validate(datum: Datum, record: str) -> None:
    """Check a record's values.

    Raises:
        InvalidDatumError: If one can't be; names the field and what is asked of it, never the value.
    """
    for name, check, demand in _checks(record):
        value = datum[name]
        if value is not None and not check(value):
            raise InvalidDatumError(f"{record}.{name} {demand}")


@cache
def _checks(record: str) -> tuple[tuple[str, Check, str], ...]:
    found = ((field["name"], _check(field["name"], field["type"])) for field in load(record).definition["fields"])
    return tuple((name, *check) for name, check in found if check is not None)


def _check(name: str, kind: Any) -> tuple[Check, str] | None:
    if isinstance(kind, list):
        return _check(name, next(each for each in kind if each != "null"))
    if isinstance(kind, Mapping):
        return _logical(kind) or _nested(kind)
    if name in _RANGES:
        low, high = _RANGES[name]
        return lambda value: low <= value <= high, f"must lie between {low} and {high}"
    if kind in ("int", "long") and not name.startswith("request_") and name != "code_line":
        return lambda value: value >= 0, "must not be negative"
    if kind in ("double", "float"):
        return math.isfinite, "must be a finite number"
    return None


_RANGES: Mapping[str, tuple[float, float]] = {
    "severity_number": (0, 24),
    "retention_days": (0, MAX_RETENTION_DAYS),
    "sample_weight": (1, MAX_SAMPLE_WEIGHT),
    "traffic_percent": (0.0, 100.0),
    "per": (1, 2**63 - 1),
}


def _logical(kind: Mapping[str, Any]) -> tuple[Check, str] | None:
    logical = kind.get("logicalType")
    if logical == "uuid":
        return lambda value: UUID.fullmatch(value) is not None, "must be a UUID"
    if logical == "timestamp-micros":
        return lambda value: EARLIEST_US <= value <= LATEST_US, "must lie in the years 1900 to 2299"
    if logical == "decimal":
        return _is_money, "must have 18 digits at most"
    return None


def _nested(kind: Mapping[str, Any]) -> tuple[Check, str] | None:
    if kind["type"] == "record":
        inner = [
            (field["name"], *check)
            for field in kind["fields"]
            if (check := _check(field["name"], field["type"])) is not None
        ]
        if not inner:
            return None
        return (
            lambda value: all(value[name] is None or check(value[name]) for name, check, _ in inner),
            "must hold values that can be: " + "; ".join(f"{name} {demand}" for name, _, demand in inner),
        )
    if kind["type"] in ("array", "map"):
        inner_check = _check("", kind["items" if kind["type"] == "array" else "values"])
        if inner_check is None:
            return None
        test, demand = inner_check
        if kind["type"] == "array":
            return lambda value: all(test(item) for item in value), f"items {demand}"
        return lambda value: all(test(item) for item in value.values()), f"values {demand}"
    return None


def _is_money(value: bytes) -> bool:
    return 0 < len(value) <= 8 and abs(int.from_bytes(value, "big", signed=True)) < _MONEY_LIMIT
