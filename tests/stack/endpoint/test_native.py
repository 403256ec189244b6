"""Native blocks for newer clients, checked against blocks that the engine itself would skip in the same way."""

import struct

import pytest

from turnlog.stack.endpoint.native import UnknownLayoutError, arguments, block_info, skip, with_zones, zoned


def _text(value: bytes) -> bytes:
    return bytes([len(value)]) + value


def _block(rows: int, columns: list[tuple[bytes, bytes, bytes]]) -> bytes:
    parts = [_text(name) + _text(kind) + data for name, kind, data in columns]
    return bytes([len(columns), rows]) + b"".join(parts)


_TOKYO = b"DateTime('Asia/Tokyo')"
_TIMES = struct.pack("<2I", 1, 2)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (b"UInt8", b"\x01\x02"),
        (b"String", _text(b"DateTime") + b"\x80\x01" + b"x" * 128),
        (b"FixedString(3)", b"abcdef"),
        (b"Decimal(18, 4)", bytes(16)),
        (b"DateTime64(6, 'UTC')", bytes(16)),
        (b"Enum8('a' = 1, 'b,c' = 2)", b"\x01\x02"),
        (b"Nullable(Int32)", b"\x00\x01" + bytes(8)),
        (b"Array(String)", struct.pack("<2Q", 1, 3) + _text(b"a") + _text(b"") + _text(b"c")),
        (b"Array(Array(UInt16))", struct.pack("<2Q", 1, 2) + struct.pack("<2Q", 0, 3) + bytes(6)),
        (b"Map(String, UInt64)", struct.pack("<2Q", 0, 1) + _text(b"k") + bytes(8)),
        (b"Tuple(a UInt8, `b c` String)", b"\x01\x02" + _text(b"x") + _text(b"y")),
        (
            b"LowCardinality(String)",
            struct.pack("<3Q", 1, 0x600, 2) + _text(b"") + _text(b"v") + struct.pack("<Q", 2) + b"\x01\x01",
        ),
    ],
)
def test_zones_are_put_in_behind_columns_of_any_type(kind: bytes, data: bytes) -> None:
    block = _block(2, [(b"before", kind, data), (b"t", b"DateTime", _TIMES), (b"after", kind, data)])
    expected = _block(2, [(b"before", kind, data), (b"t", _TOKYO, _TIMES), (b"after", kind, data)])
    assert with_zones(block, {b"t": _TOKYO}) == expected


def test_a_layout_that_is_not_known_leaves_the_rest_alone() -> None:
    block = _block(1, [(b"t", b"DateTime", _TIMES[:4]), (b"j", b"JSON", b"??"), (b"u", b"DateTime", _TIMES[:4])])
    changed = with_zones(block, {b"t": _TOKYO, b"u": _TOKYO})
    assert changed == block.replace(b"\x01t\x08DateTime", b"\x01t" + _text(_TOKYO))
    with pytest.raises(UnknownLayoutError):
        skip(b"", 0, "Dynamic", 1)


def test_reads_what_describe_says() -> None:
    rows = b"".join(_text(name) + _text(kind) + b"\x00" * 5 for name, kind in [(b"a", b"UInt8"), (b"t", _TOKYO)])
    assert zoned(rows) == {b"t": _TOKYO}


def test_only_newer_clients_get_a_block_info() -> None:
    assert block_info(0) == b""
    assert block_info(54405) == b"\x01\x00\x02\xff\xff\xff\xff\x00"


def test_splits_types() -> None:
    assert arguments("String, Tuple(a UInt8, b Enum8('x, (' = 1)), UInt8") == [
        "String",
        "Tuple(a UInt8, b Enum8('x, (' = 1))",
        "UInt8",
    ]
