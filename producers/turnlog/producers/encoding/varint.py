"""Avro's integers: zig-zag, then seven bits a byte, low ones first (Avro 1.12 specification, "Binary encoding").

Here as in all that is encoded in Python, a character up to U+00FF stands for a byte: texts in ASCII, as most are, are
then put together with what stands around them as they are, and become bytes once, at the end.
"""

from __future__ import annotations

_MOST_TAILS = 100
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1

_MORE = tuple(map(chr, range(0x80, 0x100)))
"""Seven bits that others follow."""

_PAIRS = tuple(low + high for high in _MORE for low in _MORE)
"""Fourteen bits that others follow."""

_ENDS = (*map(chr, range(0x80)), *(low + chr(high) for high in range(1, 32) for low in _MORE))
"""Twelve bits that none follow."""


_tails: dict[int, str] = {}
"""Of moments: what is above their lowest 27 bits stays the same for two minutes."""


def _unsigned(number: int) -> str:
    rest, out = number, ""
    while rest > 0x7F:
        out += _MORE[rest & 0x7F]
        rest >>= 7
    return out + chr(rest)


SMALL = _ENDS[::2]
"""Encodings of 0 to 2047, which is most lengths and counts."""

SMALL_SET = tuple("\x02" + encoded for encoded in SMALL)
"""The same behind the branch number of a union's second type."""


def varint(number: int) -> str:
    """Encode an int or long.

    Raises:
        OverflowError: If it has more than 64 bits.
    """
    if not 0 <= number <= _HIGHEST:
        if not _LOWEST <= number <= _HIGHEST:
            raise OverflowError("more than 64 bits")
        return _unsigned(number << 1 ^ number >> 63)
    if number < 1 << 11:
        return SMALL[number]
    rest = (number & 0x7FF_FFFF) << 1
    if number > 0x7FF_FFFF:
        tail = _tails.get(number >> 27) or _tail(number >> 27)
        return _PAIRS[rest & 0x3FFF] + _PAIRS[rest >> 14] + tail
    if rest < 1 << 19:
        return _MORE[rest & 0x7F] + _ENDS[rest >> 7]
    if rest < 1 << 26:
        return _PAIRS[rest & 0x3FFF] + _ENDS[rest >> 14]
    return _unsigned(rest)


def _tail(high: int) -> str:
    if len(_tails) > _MOST_TAILS:
        _tails.clear()
    tail = _tails[high] = _unsigned(high)
    return tail
