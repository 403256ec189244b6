"""CityHash128 in its version 1.0.2, with which ClickHouse guards compressed blocks.

After the reference implementation by Geoff Pike and Jyrki Alakuijala (google/cityhash, city.cc). Later versions give
other values. Pure Python, some 5 MB/s: enough for a mode that few clients use.
"""

from __future__ import annotations

import struct
from typing import Final

_MASK: Final = (1 << 64) - 1
_K0: Final = 0xC3A5C85C97CB3127
_K1: Final = 0xB492B66FBE98F273
_K2: Final = 0x9AE16A3B2F90404F
_K3: Final = 0xC949D7C7509E6557
_MULTIPLIER: Final = 0x9DDFEA08EB382D69

_word = struct.Struct("<Q").unpack_from
_half = struct.Struct("<I").unpack_from
_stripe = struct.Struct("<8Q").unpack_from

Pair = tuple[int, int]


def cityhash128(data: bytes) -> bytes:
    """The hash as ClickHouse writes it: its low and its high 64 bits, each little endian."""
    size = len(data)
    if size >= 16:
        low, high = _with_seed(data[16:], (_at(data, 0) ^ _K3, _at(data, 8)))
    elif size >= 8:
        low, high = _with_seed(b"", (_at(data, 0) ^ (size * _K0 & _MASK), _at(data, size - 8) ^ _K1))
    else:
        low, high = _with_seed(data, (_K0, _K1))
    return struct.pack("<2Q", low, high)


def _at(data: bytes, offset: int) -> int:
    value: int = _word(data, offset)[0]
    return value


def _rotate(value: int, shift: int) -> int:
    value &= _MASK
    return (value >> shift | value << (64 - shift)) & _MASK if shift else value


def _mix(value: int) -> int:
    value &= _MASK
    return value ^ value >> 47


def _hash16(low: int, high: int) -> int:
    high &= _MASK
    a = ((low & _MASK) ^ high) * _MULTIPLIER & _MASK
    a ^= a >> 47
    b = (high ^ a) * _MULTIPLIER & _MASK
    b ^= b >> 47
    return b * _MULTIPLIER & _MASK


def _hash_short(data: bytes) -> int:
    size = len(data)
    if size > 8:
        last = _at(data, size - 8)
        return _hash16(_at(data, 0), _rotate(last + size, size)) ^ last
    if size >= 4:
        first: int = _half(data, 0)[0]
        return _hash16(size + (first << 3), _half(data, size - 4)[0])
    if size:
        y = data[0] + (data[size >> 1] << 8)
        z = size + (data[-1] << 2)
        return _mix(y * _K2 ^ z * _K3) * _K2 & _MASK
    return _K2


def _weak(words: tuple[int, int, int, int], a: int, b: int) -> Pair:
    w, x, y, z = words
    a += w
    b = _rotate(b + a + z, 21)
    c = a
    a += x + y
    b += _rotate(a, 44)
    return a + z & _MASK, b + c & _MASK


def _murmur(data: bytes, seed: Pair) -> Pair:
    a, b = seed
    size = len(data)
    if size <= 16:
        a = _mix(a * _K1) * _K1 & _MASK
        c = b * _K1 + _hash_short(data) & _MASK
        d = _mix(a + (_at(data, 0) if size >= 8 else c))
    else:
        c = _hash16(_at(data, size - 8) + _K1, a)
        d = _hash16(b + size, c + _at(data, size - 16))
        a = a + d & _MASK
        # The last step's 16 bytes begin before what is left of them.
        for offset in range(0, size - 16, 16):
            a = (a ^ _mix(_at(data, offset) * _K1) * _K1 & _MASK) * _K1 & _MASK
            b ^= a
            c = (c ^ _mix(_at(data, offset + 8) * _K1) * _K1 & _MASK) * _K1 & _MASK
            d ^= c
    a = _hash16(a, c)
    b = _hash16(d, b)
    return a ^ b, _hash16(b, a)


def _with_seed(data: bytes, seed: Pair) -> Pair:
    size = len(data)
    if size < 128:
        return _murmur(data, seed)
    x, y = seed
    z = size * _K1 & _MASK
    v0 = _rotate(y ^ _K1, 49) * _K1 + _at(data, 0) & _MASK
    v1 = _rotate(v0, 42) * _K1 + _at(data, 8) & _MASK
    w0 = _rotate(y + z, 35) * _K1 + x & _MASK
    w1 = _rotate(x + _at(data, 88), 53) * _K1 & _MASK
    left = size % 128
    for offset in range(0, size - left, 64):
        words = _stripe(data, offset)
        x = _rotate(x + y + v0 + words[2], 37) * _K1 & _MASK
        y = _rotate(y + v1 + words[6], 42) * _K1 & _MASK
        x ^= w1
        y ^= v0
        z = _rotate(z ^ w0, 33)
        v0, v1 = _weak(words[:4], v1 * _K1, x + w0)
        w0, w1 = _weak(words[4:], z + w1, y)
        z, x = x, z
    y = y + _rotate(w0, 37) * _K0 + z & _MASK
    x = x + _rotate(v0 + z, 49) * _K0 & _MASK
    # What is left is hashed from the end in steps of 32 bytes, the last of which may reach back into the rest.
    for done in range(32, left + 32, 32):
        start = size - done
        y = _rotate(y - x, 42) * _K0 + v1 & _MASK
        w0 = w0 + _at(data, start + 16) & _MASK
        x = _rotate(x, 49) * _K0 + w0 & _MASK
        w0 = w0 + v0 & _MASK
        words4 = struct.unpack_from("<4Q", data, start)
        v0, v1 = _weak((words4[0], words4[1], words4[2], words4[3]), v0, v1)
    x = _hash16(x, v0)
    y = _hash16(y, w0)
    return _hash16(x + v1, w1) + y & _MASK, _hash16(x + w1, y + v1)
