"""Records to bytes, as fast as Python goes: a template of encoded defaults in which only the set fields are replaced.

A ModelCall has 72 fields, of which a call sets about 25. A general encoder visits all; this one copies a list of
their encoded defaults (the client's name and the like already in place), replaces what is set, and joins. The bytes are
those of :class:`turnlog.schemas.Encoder`; the tests compare them. Values that don't fit are coerced on the way (see
:mod:`turnlog.producers.coerce`), so there is no separate pass that cleans.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Mapping
from math import isfinite
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
from turnlog.producers.encoding.varint import SMALL, SMALL_SET, varint
from turnlog.schemas import EncodeError, Schema

Write = Callable[[Any], str]
"""Encodes a value; a character stands for a byte, see :mod:`turnlog.producers.encoding.varint`."""

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
        self._required: dict[int, str] = {}
        self._parts = [header.decode("latin-1")]
        for field in schema.plain["fields"]:
            name, write = str(field["name"]), _writer(field["type"])
            self._slots[name] = len(self._parts), write
            if "default" not in field:
                self._required[len(self._parts)] = name
            value = fixed[name] if fixed.get(name) is not None else _default(field)
            self._parts.append(write(value))

    def knows(self, names: Collection[str]) -> bool:
        """Whether every one of these names is a field's of the record."""
        return self._slots.keys() >= set(names)

    def is_text(self, name: str) -> bool:
        """Whether that field holds one text."""
        return self.write(name) in (_string, _optional_string)

    def is_optional(self, name: str) -> bool:
        """Whether that field is a text that may be null."""
        return self.write(name) is _optional_string

    def place(self, name: str) -> int:
        """Return which of the parts is that field's."""
        return self._slots[name][0]

    def write(self, name: str) -> Write:
        """Return what writes that field."""
        return self._slots[name][1]

    def start(self) -> list[str]:
        """Return the parts of a record in which nothing is set."""
        return self._parts.copy()

    def fill(self, parts: list[str], fields: Mapping[str, Any]) -> None:
        """Set fields in a record's parts. A value that its field can't hold leaves the field as in the template.

        Raises:
            EncodeError: If that happens to a field that has no default.
        """
        slots = self._slots
        for name, value in fields.items():
            place, write = slots[name]
            try:
                parts[place] = write(value)
            except (UnfitError, OverflowError) as error:
                self.misfit(place, value, error)

    def misfit(self, place: int, value: Any, error: Exception) -> None:
        """Hear of a value that its field can't hold.

        Raises:
            EncodeError: If the field has no default.
        """
        if place in self._required:
            name = f"{self.schema.name}.{self._required[place]}"
            raise EncodeError(f"{name} can't hold a {type(value).__name__}") from error

    def encode(self, fields: Mapping[str, Any]) -> bytes:
        """Return the record's message.

        Raises:
            EncodeError: As :meth:`fill`.
        """
        parts = self.start()
        self.fill(parts, fields)
        return "".join(parts).encode("latin-1")


def as_bytes(text: str) -> str:
    """Return a text's UTF-8, a character for each byte; lone surrogates become U+FFFD."""
    if text.isascii():
        return text
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raw = mend(text).encode()
    return raw.decode("latin-1")


def _string(value: Any) -> str:
    text = as_bytes(value if type(value) is str else to_text(value))
    size = len(text)
    return (SMALL[size] if size < 2048 else varint(size)) + text


def _optional_string(value: Any) -> str:
    if value is None:
        return "\x00"
    text = as_bytes(value if type(value) is str else to_text(value))
    size = len(text)
    return SMALL_SET[size] + text if size < 2048 else f"\x02{varint(size)}{text}"


def _long(value: Any) -> str:
    return varint(value if type(value) is int else to_int(value))


def _optional_long(value: Any) -> str:
    if value is None:
        return "\x00"
    if type(value) is not int:
        value = to_int(value)
    return SMALL_SET[value] if 0 <= value < 2048 else "\x02" + varint(value)


def _int(value: Any) -> str:
    number = value if type(value) is int else to_int(value)
    if not -0x8000_0000 <= number <= 0x7FFF_FFFF:
        raise OverflowError("more than 32 bits")
    return varint(number)


def _double(value: Any) -> str:
    number = value if type(value) is float and isfinite(value) else to_float(value)
    return _pack_double(number).decode("latin-1")


def _optional_double(value: Any) -> str:
    return "\x00" if value is None else "\x02" + _double(value)


def _boolean(value: Any) -> str:
    return "\x01" if value is True else "\x00"


def _money(value: Any) -> str:
    raw = to_money(value)
    return varint(len(raw)) + raw.decode("latin-1")


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
    if kind == "double":
        return _optional_double
    inner = _writer(kind)
    return lambda value: "\x00" if value is None else "\x02" + inner(value)


def _enum(kind: Mapping[str, Any]) -> Write:
    symbols = {symbol: varint(place) for place, symbol in enumerate(kind["symbols"])}
    unknown = symbols[kind["default"]]

    def write(value: Any) -> str:
        found = symbols.get(value) if type(value) is str else None
        return found or symbols.get(to_text(value).lower(), unknown)

    return write


def _array(item: Write) -> Write:
    def write(value: Any) -> str:
        if type(value) is not list and type(value) is not tuple:
            value = to_items(value)
        if len(value) == 1 and value[0] is not None:
            return f"\x02{item(value[0])}\x00"
        items = [item(each) for each in value if each is not None]
        return f"{varint(len(items))}{''.join(items)}\x00" if items else "\x00"

    return write


def _map(item: Write) -> Write:
    def write(value: Any) -> str:
        pairs = value if type(value) is dict else to_mapping(value)
        if item is _string and (plain := _plain_map(pairs)) is not None:
            return plain
        out: dict[str, str] = {}
        for key, each in pairs.items():
            try:
                out[_string(key)] = item(each)
            except (UnfitError, OverflowError):
                continue  # one odd value does not cost the others
        return f"{varint(len(out))}{''.join(map(str.__add__, out.keys(), out.values()))}\x00" if out else "\x00"

    return write


def _plain_map(pairs: Mapping[Any, Any]) -> str | None:
    """Write a map that holds short texts in ASCII alone, as attributes mostly do; None for any other."""
    parts = []
    for key, text in pairs.items():
        if type(key) is not str or type(text) is not str or not (key.isascii() and text.isascii()):
            return None
        if len(key) >= 2048 or len(text) >= 2048:
            return None
        parts.append(f"{SMALL[len(key)]}{key}{SMALL[len(text)]}{text}")
    return f"{varint(len(parts))}{''.join(parts)}\x00" if parts else "\x00"


def _record(kind: Mapping[str, Any]) -> Write:
    fields = []
    for each in kind["fields"]:
        write = _writer(each["type"])
        fields.append((str(each["name"]), write, write(_default(each))))

    def write_record(value: Any) -> str:
        given = to_mapping(value)
        return "".join(_or_default(given.get(name), write, default) for name, write, default in fields)

    return write_record


def _default(field: Mapping[str, Any]) -> Any:
    """Return what stands in a field that is not set."""
    if "default" in field:
        return field["default"]
    kind = field["type"]
    return _UNSET[kind if isinstance(kind, str) else kind["type"]]


def _or_default(value: Any, write: Write, default: str) -> str:
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
