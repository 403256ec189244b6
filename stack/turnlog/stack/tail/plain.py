"""Records as JSON has them: moments in ISO 8601, amounts as decimal text, bytes in hexadecimal."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from turnlog.schemas import Datum, Schema, money_from_bytes

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_plain(schema: Schema, record: Datum) -> dict[str, Any]:
    """Return a record that :mod:`json` can write, by its schema's logical types."""
    return {
        field["name"]: _plain(field["type"], record[field["name"]])
        for field in schema.definition["fields"]
        if field["name"] in record
    }


def iso(microseconds: int) -> str:
    """Return a moment, given in microseconds since 1970 UTC, in ISO 8601; as a number if no year has it."""
    try:
        return (_EPOCH + timedelta(microseconds=microseconds)).isoformat(timespec="microseconds")
    except OverflowError:
        return str(microseconds)


def _plain(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, list):
        return _plain(next(branch for branch in kind if branch != "null"), value)
    if isinstance(kind, Mapping):
        return _plain_of(kind, value)
    return value.hex() if isinstance(value, bytes) else value


def _plain_of(kind: Mapping[str, Any], value: Any) -> Any:
    match kind:
        case {"type": "record", "fields": fields}:
            return {field["name"]: _plain(field["type"], value.get(field["name"])) for field in fields}
        case {"type": "array", "items": inner}:
            return [_plain(inner, each) for each in value]
        case {"type": "map", "values": inner}:
            return {key: _plain(inner, each) for key, each in value.items()}
        case {"logicalType": "timestamp-micros"}:
            return iso(value)
        case {"logicalType": "decimal"}:
            return format(money_from_bytes(value), "f")
    return _plain(kind["type"], value)
