"""Records to bytes, as fast as Python goes: a template of encoded defaults in which only the set fields are replaced.

A ModelCall has 72 fields, of which a call sets about 25. A general encoder visits all; this one copies a list of
their encoded defaults (the client's name and the like already in place), replaces what is set, and joins. The bytes are
those of :class:`turnlog.schemas.Encoder`; the tests compare them. Values that don't fit are coerced on the way (see
:mod:`turnlog.producers.coerce`), so there is no separate pass that cleans.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

from turnlog.producers.coerce import (
    UnfitError,
    mend,
    to_float,
    to_int,
    to_items,
    to_mapping,
    to_money,
    to_text,
)
from turnlog.producers.varint import SMALL, SMALL_SET, varint
from turnlog.schemas import EncodeError, Schema

Write = Callable[[Any], bytes]

_UNSET: dict[str, Any] = {"string": "unknown", "long": 0, "int": 0, "bytes": b""}
"""What stands in a field that has no default and was not set."""


class Template:
    """Writes records of one schema with some fields already filled in.

    Args:
        schema: The record's schema.
        header: What goes before each datum, such as the single-object header.
        fixed: Fields that are the same in every record, until a record sets them itself.
    """

    def __init__(self, schema: Schema, header: bytes, fixed: Mapping[str, Any]) -> None:
        self.schema = schema
        self._slots: dict[str, tuple[int, Write]] = {}
        self._required: set[str] = set()
        self._parts = [header]
        for field in schema.plain["fields"]:
            name, write = str(field["name"]), _writer(field["type"])
            self._slots[name] = len(self._parts), write
            if "default" not in field:
                self._required.add(name)
            value = fixed[name] if fixed.get(name) is not None else _default(field)
            self._parts.append(write(value))

    def knows(self, fields: Mapping[str, Any]) -> bool:
        """Whether every one of these is a field of the record."""
        return self._slots.keys() >= fields.keys()

    def encode(self, fields: Mapping[str, Any]) -> bytes:
        """Return the record's message. A value that its field can't hold leaves the field as in the template.

        Raises:
            EncodeError: If that happens to a field that has no default.
        """
        parts = self._parts.copy()
        slots = self._slots
        for name, value in fields.items():
            slot, write = slots[name]
            try:
                parts[slot] = write(value)
            except (UnfitError, OverflowError) as error:
                if name in self._required:
                    raise EncodeError(f"{self.schema.name}.{name} can't hold a {type(value).__name__}") from error
        return b"".join(parts)


def _string(value: Any) -> bytes:
    text = value if type(value) is str else to_text(value)
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raw = mend(text).encode()
    size = len(raw)
    return (SMALL[size] if size < 2048 else varint(size)) + raw


def _optional_string(value: Any) -> bytes:
    if value is None:
        return b"\x00"
    text = value if type(value) is str else to_text(value)
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raw = mend(text).encode()
    size = len(raw)
    return (SMALL_SET[size] if size < 2048 else b"\x02" + varint(size)) + raw


def _long(value: Any) -> bytes:
    if type(value) is not int:
        value = to_int(value)
    return SMALL[value] if 0 <= value < 2048 else varint(value)


def _optional_long(value: Any) -> bytes:
    if value is None:
        return b"\x00"
    if type(value) is not int:
        value = to_int(value)
    return SMALL_SET[value] if 0 <= value < 2048 else b"\x02" + varint(value)


def _int(value: Any) -> bytes:
    number = value if type(value) is int else to_int(value)
    if not -0x8000_0000 <= number <= 0x7FFF_FFFF:
        raise OverflowError("more than 32 bits")
    return varint(number)


def _double(value: Any) -> bytes:
    return _pack_double(to_float(value))


def _boolean(value: Any) -> bytes:
    return b"\x01" if value is True else b"\x00"


def _money(value: Any) -> bytes:
    raw = to_money(value)
    return varint(len(raw)) + raw


def _writer(kind: Any) -> Write:  # noqa: PLR0911 - one return for each kind of type
    """Make the function that writes values of an Avro type."""
    if isinstance(kind, list):
        return _optional(kind[1])
    if isinstance(kind, str):
        return _PRIMITIVES[kind]
    match kind["type"]:
        case "enum":
            return _enum(kind)
        case "array":
            return _array(_writer(kind["items"]))
        case "map":
            return _map(_writer(kind["values"]))
        case "record":
            return _record(kind)
        case primitive:
            return _PRIMITIVES[primitive]


def _optional(kind: Any) -> Write:
    if kind == "string":
        return _optional_string
    if kind == "long":
        return _optional_long
    inner = _writer(kind)
    return lambda value: b"\x00" if value is None else b"\x02" + inner(value)


def _enum(kind: Mapping[str, Any]) -> Write:
    symbols = {symbol: varint(place) for place, symbol in enumerate(kind["symbols"])}
    unknown = symbols[kind["default"]]

    def write(value: Any) -> bytes:
        return symbols.get(value) or symbols.get(to_text(value).lower(), unknown)

    return write


def _array(item: Write) -> Write:
    def write(value: Any) -> bytes:
        if type(value) is not list and type(value) is not tuple:
            value = to_items(value)
        if not value:
            return b"\x00"
        items = [item(each) for each in value if each is not None]
        return b"".join((varint(len(items)), *items, b"\x00")) if items else b"\x00"

    return write


def _map(item: Write) -> Write:
    def write(value: Any) -> bytes:
        pairs = value if type(value) is dict else to_mapping(value)
        if not pairs:
            return b"\x00"
        out: dict[bytes, bytes] = {}
        for key, each in pairs.items():
            try:
                out[_string(key)] = item(each)
            except (UnfitError, OverflowError):
                continue  # one odd value does not cost the others
        return b"".join((varint(len(out)), *map(bytes.__add__, out.keys(), out.values()), b"\x00")) if out else b"\x00"

    return write


def _record(kind: Mapping[str, Any]) -> Write:
    fields = []
    for each in kind["fields"]:
        write = _writer(each["type"])
        fields.append((str(each["name"]), write, write(_default(each))))

    def write_record(value: Any) -> bytes:
        given = to_mapping(value)
        return b"".join(_or_default(given.get(name), write, default) for name, write, default in fields)

    return write_record


def _default(field: Mapping[str, Any]) -> Any:
    """Return what stands in a field that is not set."""
    if "default" in field:
        return field["default"]
    kind = field["type"]
    return _UNSET[kind if isinstance(kind, str) else kind["type"]]


def _or_default(value: Any, write: Write, default: bytes) -> bytes:
    if value is None:
        return default
    try:
        return write(value)
    except (UnfitError, OverflowError):
        return default


_pack_double = struct.Struct("<d").pack

_PRIMITIVES: dict[str, Write] = {
    "string": _string,
    "long": _long,
    "int": _int,
    "double": _double,
    "boolean": _boolean,
    "bytes": _money,  # every bytes field that a producer writes is an amount of money
}
