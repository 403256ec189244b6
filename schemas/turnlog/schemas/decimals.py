"""Avro's decimal logical type: a big-endian two's-complement integer of scaled units, kept as bytes by the codec."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

MONEY_SCALE = 9
"""Digits behind the point of every amount of money in the schemas."""

_QUANTUM = Decimal(1).scaleb(-MONEY_SCALE)
_LIMIT = 10**18


def money_to_bytes(amount: Decimal) -> bytes:
    """Encode an amount, rounded half to even at nine digits.

    Raises:
        OverflowError: If the amount does not fit 18 digits.
    """
    return units_to_bytes(int(amount.quantize(_QUANTUM, ROUND_HALF_EVEN).scaleb(MONEY_SCALE)))


def units_to_bytes(units: int) -> bytes:
    """Encode an amount given in billionths."""
    if not -_LIMIT < units < _LIMIT:
        raise OverflowError("an amount of money has at most 18 digits, nine of them behind the point")
    return units.to_bytes((units if units >= 0 else ~units).bit_length() // 8 + 1, "big", signed=True)


def units_from_bytes(raw: bytes) -> int:
    """Decode an amount to billionths."""
    return int.from_bytes(raw, "big", signed=True)


def money_from_bytes(raw: bytes) -> Decimal:
    """Decode an amount."""
    return Decimal(units_from_bytes(raw)).scaleb(-MONEY_SCALE)
