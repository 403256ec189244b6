"""Avro's integers: zig-zag, then seven bits a byte, low ones first (Avro 1.12 specification, "Binary encoding")."""

from __future__ import annotations

_LONG, _LONGER = 1 << 49, 1 << 52
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1


def _encode(number: int) -> bytes:
    rest = number << 1 ^ number >> 63
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


SMALL = tuple(_encode(number) for number in range(2048))
"""Encodings of 0 to 2047, which is most lengths and counts."""

SMALL_SET = tuple(b"\x02" + encoded for encoded in SMALL)
"""The same behind the branch number of a union's second type."""


def varint(number: int) -> bytes:
    """Encode an int or long.

    Raises:
        OverflowError: If it has more than 64 bits.
    """
    if 0 <= number < 2048:
        return SMALL[number]
    if _LONG <= number < _LONGER:  # a moment in microseconds, from 1987 to 2112
        # Eight groups of seven bits, spread to eight bits each by halves, quarters and eighths.
        rest = number << 1
        rest = rest & 0x0FFF_FFFF | (rest & 0xFF_FFFF_F000_0000) << 4
        rest = rest & 0x3FFF_0000_3FFF | (rest & 0x0FFF_C000_0FFF_C000) << 2
        rest = rest & 0x7F_007F_007F_007F | (rest & 0x3F80_3F80_3F80_3F80) << 1
        return (rest | 0x80_8080_8080_8080).to_bytes(8, "little")
    if not _LOWEST <= number <= _HIGHEST:
        raise OverflowError("more than 64 bits")
    return _encode(number)
