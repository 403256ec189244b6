"""What chatbots hand over, made into what the schemas take, or refused.

The encoder looks at a value's exact type first and comes here only when it is not the expected one, so nothing in this
module is on the fast path. A value that says nothing sensible for its field, such as NaN tokens, is unfit: the encoder
then leaves the field at its default.
"""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from turnlog.schemas import money_to_bytes


class UnfitError(ValueError):
    """A value that its field can't hold."""


def mend(text: str) -> str:
    """Return the text as valid Unicode: split surrogate pairs are joined, lone surrogates become U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def to_text(value: Any) -> str:  # noqa: PLR0911 - one return for each kind of value
    """Return a value as text; containers as JSON.

    Raises:
        UnfitError: If it is None or its own conversion fails.
    """
    if value is None:
        raise UnfitError("no text")
    try:
        if isinstance(value, str):
            return str(value.value) if isinstance(value, Enum) else str(value)
        if isinstance(value, bytes | bytearray | memoryview):
            return bytes(value).decode("utf-8", "replace")
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, Enum):
            return to_text(value.value)
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, Mapping | list | tuple | set | frozenset):
            return to_json(value)
        return str(value)
    except Exception as error:  # a value's own __str__ may do anything
        raise UnfitError("no text") from error


def to_int(value: Any) -> int:
    """Return a value as a whole number; fractions are rounded.

    Raises:
        UnfitError: If it is none: a bool, NaN, text that is no number.
    """
    if value is None or isinstance(value, bool):
        raise UnfitError("no number")
    try:
        return operator.index(value)
    except TypeError:
        return round(to_float(value))


def to_float(value: Any) -> float:
    """Return a value as a finite number.

    Raises:
        UnfitError: If it is none: a bool, NaN, infinite, text that is no number.
    """
    if value is None or isinstance(value, bool | bytes):
        raise UnfitError("no number")
    try:
        number = float(value)
    except Exception as error:  # a value's own __float__ may do anything
        raise UnfitError("no number") from error
    if not math.isfinite(number):
        raise UnfitError("not finite")
    return number


def to_money(value: Any) -> bytes:
    """Return an amount of money as the schemas' decimal.

    Raises:
        UnfitError: If it is no amount.
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        raise UnfitError("no amount")
    try:
        # By way of its text a float means what it shows: 0.1 is a tenth.
        return money_to_bytes(value if isinstance(value, Decimal) else Decimal(str(value)))
    except Exception as error:
        raise UnfitError("no amount") from error


def to_micros(value: Any) -> int:
    """Return a moment in microseconds since 1970 UTC.

    Args:
        value: A datetime (a naive one is taken as UTC), an int of microseconds, a float of seconds, or ISO 8601 text.

    Raises:
        UnfitError: If it is none of these.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise UnfitError("no time") from error
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return (aware - _EPOCH) // _MICROSECOND
    return round(to_float(value) * 1_000_000) if isinstance(value, float) else to_int(value)


def to_span(value: Any) -> int:
    """Return a length of time in microseconds, from a timedelta or a number of seconds; never negative.

    Raises:
        UnfitError: If it is neither.
    """
    micros = value // _MICROSECOND if isinstance(value, timedelta) else round(to_float(value) * 1_000_000)
    return max(0, micros)


def to_items(value: Any) -> Iterable[Any]:
    """Return what an array field holds; one text is an array of one.

    Raises:
        UnfitError: If it can't be gone through.
    """
    if isinstance(value, str | bytes | Mapping):
        return (value,)
    try:
        return tuple(value)
    except Exception as error:  # a value's own __iter__ may do anything
        raise UnfitError("no list") from error


def to_mapping(value: Any) -> Mapping[Any, Any]:
    """Return a mapping; pydantic models, dataclass-like objects and the like by their public attributes.

    Raises:
        UnfitError: If it is nothing of the kind.
    """
    if isinstance(value, Mapping):
        return value
    try:
        if callable(getattr(value, "model_dump", None)):
            dumped: Any = value.model_dump()
        else:
            dumped = {name: each for name, each in vars(value).items() if not name.startswith("_")}
        if isinstance(dumped, Mapping):
            return dumped
    except Exception as error:  # a value's own methods may do anything
        raise UnfitError("no mapping") from error
    raise UnfitError("no mapping")


def to_json(value: Any) -> str:
    """Return a value as JSON on one line, its texts unescaped; what JSON lacks becomes text, NaN becomes null.

    Raises:
        UnfitError: If even that fails.
    """
    try:
        return _encode(value)
    except Exception:  # noqa: BLE001 - NaN, odd keys or a value's own methods: the slow way sorts them out
        return _encode(_plain(value, 0))


def _foreign(value: Any) -> Any:
    """What the JSON encoder gets instead of an object that it does not know."""
    try:
        return to_mapping(value)
    except UnfitError:
        return to_text(value)


def _plain(value: Any, depth: int) -> Any:  # noqa: PLR0911 - one return for each kind of value
    if depth > _DEPTH:
        return "…"
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_text_or(key, "?"): _plain(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each, depth + 1) for each in value]
    try:
        return _plain(to_mapping(value), depth + 1)
    except UnfitError:
        return _text_or(value, None)


def _text_or(value: Any, otherwise: str | None) -> str | None:
    try:
        return to_text(value)
    except UnfitError:
        return otherwise


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DEPTH = 32
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_foreign).encode
