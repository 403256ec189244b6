"""ClickHouse's Native format, as far as it depends on the client's protocol revision.

The engine writes Native for revision 0. A newer client expects two things more: a block info before each block, and
the time zone in the type of a ``DateTime('zone')`` column. Both are put in here, from one block to the next.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

BLOCK_INFO_REVISION: Final = 51903
TIME_ZONE_REVISION: Final = 54337

# Not an overflow block, of no bucket.
_BLOCK_INFO: Final = b"\x01\x00\x02\xff\xff\xff\xff\x00"
_PLAIN: Final = b"DateTime"
_BARE_DATETIME: Final = b"\x08DateTime"

_WIDTHS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("Int8", "UInt8", "Bool", "Enum8", "Nothing"), 1),
    **dict.fromkeys(("Int16", "UInt16", "Enum16", "Date", "BFloat16"), 2),
    **dict.fromkeys(("Int32", "UInt32", "Float32", "Date32", "DateTime", "Time", "IPv4", "Decimal32"), 4),
    **dict.fromkeys(("Int64", "UInt64", "Float64", "DateTime64", "Time64", "Decimal64"), 8),
    **dict.fromkeys(("Int128", "UInt128", "UUID", "IPv6", "Decimal128"), 16),
    **dict.fromkeys(("Int256", "UInt256", "Decimal256"), 32),
}
# name, type, default_type, default_expression, comment, codec_expression, ttl_expression
_DESCRIBE_FIELDS: Final = 7
_DECIMAL_WIDTHS: Final = ((9, 4), (18, 8), (38, 16), (76, 32))
_LOW_CARDINALITY_KEYS: Final = (1, 2, 4, 8)
_TYPE: Final = re.compile(r"(\w+)(?:\((.*)\))?", re.DOTALL)


class UnknownLayoutError(Exception):
    """A column's type is one whose length is not known here."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a block: its name, and the offsets of its type's length prefix and of its data."""

    name: bytes
    type: bytes
    type_at: int
    data_at: int


def block_info(revision: int) -> bytes:
    """What goes before each block for a client of ``revision``."""
    return _BLOCK_INFO if revision >= BLOCK_INFO_REVISION else b""


def may_lack_zones(block: bytes, revision: int) -> bool:
    """Whether a block may have columns whose time zone the client expects and the engine left out."""
    return revision >= TIME_ZONE_REVISION and _BARE_DATETIME in block


def with_zones(block: bytes, zones: Mapping[bytes, bytes]) -> bytes:
    """Put full types into a block.

    Args:
        block: as the engine wrote it.
        zones: full types, such as ``DateTime('Asia/Tokyo')``, of columns by name.

    Returns:
        The block; unchanged from the first column on whose layout is unknown.
    """
    parts: list[bytes] = []
    copied = 0
    wanted = len(zones)
    columns, position = _varint(block, 0)
    rows, position = _varint(block, position)
    for _ in range(columns):
        column = _column(block, position)
        full = zones.get(column.name)
        if full is not None and column.type == _PLAIN:
            parts += [block[copied : column.type_at], _encode_varint(len(full)), full]
            copied = column.data_at
            wanted -= 1
            if not wanted:
                break
        try:
            position = skip(block, column.data_at, column.type.decode(), rows)
        except UnknownLayoutError:
            break
    return b"".join([*parts, block[copied:]])


def zoned(description: bytes) -> dict[bytes, bytes]:
    """The columns of type ``DateTime('zone')`` in what DESCRIBE says, read from RowBinary."""
    found: dict[bytes, bytes] = {}
    position = 0
    while position < len(description):
        fields = []
        for _ in range(_DESCRIBE_FIELDS):
            length, position = _varint(description, position)
            fields.append(description[position : position + length])
            position += length
        if fields[1].startswith(_PLAIN + b"("):
            found[fields[0]] = fields[1]
    return found


def skip(block: bytes, position: int, kind: str, rows: int) -> int:
    """The offset after a column of ``rows`` values of type ``kind``, which begins at ``position``.

    Raises:
        UnknownLayoutError: the type's layout is not known here.
    """
    match = _TYPE.fullmatch(kind)
    if match is None:
        raise UnknownLayoutError(kind)
    name, inside = match.group(1), match.group(2) or ""
    if name == "String":
        return _skip_strings(block, position, rows)
    if name == "FixedString":
        return position + rows * int(inside)
    if name == "Decimal":
        digits = int(inside.split(",")[0])
        return position + rows * next(width for limit, width in _DECIMAL_WIDTHS if digits <= limit)
    if name in _WIDTHS:
        return position + rows * _WIDTHS[name]
    return _skip_nested(block, position, name, arguments(inside), rows)


def _skip_nested(block: bytes, position: int, name: str, inner: list[str], rows: int) -> int:
    if name == "Nullable" and not inner[0].startswith("Tuple"):
        return skip(block, position + rows, inner[0], rows)
    if name == "Array" and "LowCardinality" not in inner[0]:
        return _skip_array(block, position, inner, rows)
    if name == "Map" and "LowCardinality" not in ",".join(inner):
        return _skip_array(block, position, inner, rows)
    if name == "Tuple" and "LowCardinality" not in ",".join(inner):
        for element in inner:
            position = skip(block, position, _without_name(element), rows)
        return position
    if name == "LowCardinality":
        return _skip_low_cardinality(block, position, inner[0], rows)
    raise UnknownLayoutError(name)


def _skip_array(block: bytes, position: int, inner: list[str], rows: int) -> int:
    end = position + 8 * rows
    total = int.from_bytes(block[end - 8 : end], "little") if rows else 0
    for element in inner:
        end = skip(block, end, element, total)
    return end


def _skip_low_cardinality(block: bytes, position: int, inner: str, rows: int) -> int:
    if not rows:
        return position
    # A version, then for the whole column: flags with the keys' width, a dictionary, and the keys.
    flags = int.from_bytes(block[position + 8 : position + 16], "little")
    size = int.from_bytes(block[position + 16 : position + 24], "little")
    if inner.startswith("Nullable("):
        inner = inner[len("Nullable(") : -1]
    end = skip(block, position + 24, inner, size)
    keys = int.from_bytes(block[end : end + 8], "little")
    return end + 8 + keys * _LOW_CARDINALITY_KEYS[flags & 0xFF]


def arguments(inside: str) -> list[str]:
    """Split a type's arguments at the commas that stand outside brackets and quotes."""
    parts, depth, begin, quoted = [], 0, 0, False
    for index, letter in enumerate(inside):
        if letter == "'" and inside[index - 1 : index] != "\\":
            quoted = not quoted
        elif quoted:
            continue
        elif letter == "(":
            depth += 1
        elif letter == ")":
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append(inside[begin:index].strip())
            begin = index + 1
    return [*parts, inside[begin:].strip()]


def _without_name(element: str) -> str:
    """The type of a tuple's element, which may be named."""
    head = re.match(r"(?:`(?:[^`\\]|\\.)*`|[A-Za-z_]\w*) +(?=\w)", element)
    return element[head.end() :] if head else element


def _skip_strings(block: bytes, position: int, rows: int) -> int:
    for _ in range(rows):
        length = block[position]
        position += 1
        if length >= 0x80:
            length, position = _varint(block, position - 1)
        position += length
    return position


def _column(block: bytes, position: int) -> Column:
    length, position = _varint(block, position)
    name = block[position : position + length]
    type_at = position + length
    length, position = _varint(block, type_at)
    return Column(name, block[position : position + length], type_at, position + length)


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _encode_varint(value: int) -> bytes:
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
