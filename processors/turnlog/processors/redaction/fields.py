"""Which parts of a record hold text, derived from its schema once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Any

from turnlog.schemas import load

UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_STRUCTURAL = {
    "trace_id": re.compile("[0-9a-f]{32}"),
    "span_id": re.compile("[0-9a-f]{16}"),
    "parent_span_id": re.compile("[0-9a-f]{16}"),
    "cost_currency": re.compile("[A-Z]{3}"),
    "currency": re.compile("[A-Z]{3}"),
}
_OURS = {"redaction_rules", "redaction_hits", "redaction_withheld"}
"""Fields that redaction itself fills in."""


class Kind(Enum):
    """What is done with a value."""

    TEXT = auto()
    USER = auto()
    ARRAY = auto()
    MAP = auto()
    RECORD = auto()


@dataclass(frozen=True)
class Part:
    """A value that holds text, or holds values that do.

    Attributes:
        name: The field's name; empty for items.
        kind: What is done with it.
        structural: Texts of this form can't be personal and are passed over.
        inner: What an array's items or a map's values are; None where they hold no text.
        parts: What a record's fields are.
        repeats: Whether the same few texts come again and again, so that known ones are worth remembering.
    """

    name: str
    kind: Kind
    structural: re.Pattern[str] | None = None
    inner: Part | None = None
    parts: tuple[Part, ...] = ()
    repeats: bool = False


@cache
def parts_of(record: str) -> tuple[Part, ...]:
    """Return the parts of a record that hold text, in order."""
    return _fields(load(record).definition)


def _fields(definition: Mapping[str, Any]) -> tuple[Part, ...]:
    found = (_part(field["name"], field["type"]) for field in definition["fields"] if field["name"] not in _OURS)
    return tuple(part for part in found if part is not None)


def _part(name: str, kind: Any) -> Part | None:
    if isinstance(kind, list):
        branches = [each for each in kind if each != "null"]
        if len(branches) != 1:
            raise NotImplementedError(f"{name}: a union of more than null and one type")
        return _part(name, branches[0])
    if kind == "string" or (isinstance(kind, Mapping) and kind["type"] == "string"):
        return _text(name, kind)
    return _nested(name, kind) if isinstance(kind, Mapping) else None


def _text(name: str, kind: Any) -> Part:
    if name == "user_key":
        return Part(name, Kind.USER)
    is_uuid = isinstance(kind, Mapping) and kind.get("logicalType") == "uuid"
    structural = UUID if is_uuid else _STRUCTURAL.get(name)
    return Part(name, Kind.TEXT, structural, repeats=bool(name) and not name.endswith("_id"))


def _nested(name: str, kind: Mapping[str, Any]) -> Part | None:
    if kind["type"] == "map":
        return Part(name, Kind.MAP, inner=_part("", kind["values"]))
    if kind["type"] == "array":
        inner = _part("", kind["items"])
        return Part(name, Kind.ARRAY, inner=inner) if inner else None
    if kind["type"] == "record":
        parts = _fields(kind)
        return Part(name, Kind.RECORD, parts=parts) if parts else None
    return None
