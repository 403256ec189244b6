"""Copies of what a caller hands over and may change later, with an estimate of their size.

A chatbot appends the answer to the very list that it passed as input; what is recorded is the list as it was.
Texts are immutable and shared, so a copy costs well under a microsecond a message.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_DEPTH = 32
_SMALL = 16
_OBJECT = 1024


def snapshot(value: Any) -> tuple[Any, int]:
    """Return a copy of the dicts, lists and tuples in a value, and about how many bytes it holds; never raises."""
    try:
        return _copy(value, 0)
    except Exception:  # noqa: BLE001 - a dict that another thread changes, or a subclass with ideas of its own
        return None, _SMALL


def copy_in(fields: dict[str, Any], names: Iterable[str]) -> int:
    """Replace those fields that are there by copies, and return about how many bytes they hold."""
    size = 0
    for name in names:
        if name in fields:
            value = fields[name]
            if type(value) is str:
                size += len(value)
            elif value is not None:
                fields[name], more = snapshot(value)
                size += more
    return size


def _copy(value: Any, depth: int) -> tuple[Any, int]:
    kind = type(value)
    if kind is str or kind is bytes:
        return value, len(value)
    if kind is dict:
        return _copy_dict(value, depth)
    if kind is list or kind is tuple:
        if depth > _DEPTH:
            return "…", _SMALL
        items = []
        size = 32
        for each in value:
            copy, more = (_copy_dict if type(each) is dict else _copy)(each, depth + 1)
            items.append(copy)
            size += more
        return items, size
    if kind is int or kind is float or kind is bool or value is None:
        return value, _SMALL
    return value, _OBJECT


def _copy_dict(value: dict[Any, Any], depth: int) -> tuple[Any, int]:
    if depth > _DEPTH:
        return "…", _SMALL
    fields, size = value.copy(), 64
    for key, each in fields.items():
        if type(each) is str:
            size += len(each)
        else:
            fields[key], more = _copy(each, depth + 1)
            size += more
    return fields, size
