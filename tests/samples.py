"""Records of any kind with every field set, made from their schemas."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from turnlog.schemas import Datum, Schema, load, uuid7

NOW_US = time.time_ns() // 1_000_000 * 1000 + 456
"""The present, for old rows would be forgotten."""

PRODUCER = "01890000-0000-7000-8000-000000000001"
_HISTOGRAMS = {"latency", "first_chunk"}


def sample(record: str | Schema, **fields: Any) -> Datum:
    """Return a record with something in every field, except where told otherwise."""
    schema = load(record) if isinstance(record, str) else record
    datum = {each["name"]: _value(each["name"], each["type"]) for each in schema.definition["fields"]}
    if "producer_id" in datum:
        datum["producer_id"] = PRODUCER
    return datum | fields


def bare(record: str, **fields: Any) -> Datum:
    """Return a record with only the fields that have no default, and those given."""
    definition = load(record).definition["fields"]
    needed = {each["name"]: _value(each["name"], each["type"]) for each in definition if "default" not in each}
    zero = {"cost": b"\x00"} if record in {"Pane", "Rolling"} else {}  # fastavro takes no default for bytes
    return needed | zero | fields


def _value(name: str, kind: Any) -> Any:
    if isinstance(kind, list):
        return _value(name, next(each for each in kind if each != "null"))
    if isinstance(kind, Mapping):
        return _complex(name, kind)
    return {
        "string": f"{name}-ü",
        "int": 7,
        "long": 70,
        "double": 0.5,
        "boolean": True,
        "bytes": b"\x01\x02",
    }[kind]


def _complex(name: str, kind: Mapping[str, Any]) -> Any:
    logical = {
        "uuid": uuid7(),
        "timestamp-micros": NOW_US,
        "decimal": (1_250_000_000).to_bytes(5, "big"),  # 1.25
    }.get(kind.get("logicalType", ""))
    if logical is not None:
        return logical
    match kind["type"]:
        case "map":
            return {"-3" if name in _HISTOGRAMS else "one": _value(name, kind["values"])}
        case "array":
            return [_value(name, kind["items"])]
        case "enum":
            return kind["symbols"][1]
        case "record":
            return {each["name"]: _value(each["name"], each["type"]) for each in kind["fields"]}
        case plain:
            return _value(name, plain)
