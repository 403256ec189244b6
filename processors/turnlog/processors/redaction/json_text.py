"""Strings that hold JSON: their leaves are what needs scanning, and they must stay JSON when something is replaced."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

OPENING = ("{", "[", '"')
DEEPEST = 4
"""How many times JSON may be a string inside JSON and still be opened; below that the text is scanned as it stands."""

LONG_NUMBER = 10**9
"""Numbers from here on may be a card's or a telephone's and are scanned like text."""


class Repeated(dict[str, Any]):
    """An object some of whose keys came twice; written again, it has lost what can't be seen in it."""


def parse(text: str) -> Any:
    """Return the value of a JSON text, or the text itself if it is none.

    Raises:
        RecursionError: If it is nested too deep.
    """
    if not text.lstrip()[:1] in OPENING or not text.strip():
        return text
    try:
        return json.loads(text, object_pairs_hook=_pairs)
    except ValueError:
        return text


def dump(value: Any) -> str:
    """Return a value as JSON, without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def leaves(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield all text in a JSON value: strings, keys, long numbers, and the leaves of JSON inside its strings.

    An object with repeated keys yields None's stand-in, an empty marker, through :func:`has_repeated` instead.

    Raises:
        RecursionError: If it is nested too deep.
    """
    if isinstance(value, str):
        if depth < DEEPEST and "\\" in value:
            inner = parse(value)
            if not isinstance(inner, str):
                yield from leaves(inner, depth + 1)
                return
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from leaves(each, depth)
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each, depth)
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) >= LONG_NUMBER:
        yield str(value)


def has_repeated(value: Any) -> bool:
    """Tell whether an object somewhere in a JSON value has a key twice, whose earlier values are not among the leaves."""
    if isinstance(value, dict):
        return isinstance(value, Repeated) or any(has_repeated(each) for each in value.values())
    return isinstance(value, list) and any(has_repeated(each) for each in value)


def transform(value: Any, change: Callable[[str], str], depth: int = 0) -> Any:
    """Return a JSON value with every leaf of :func:`leaves` changed.

    Raises:
        RecursionError: If it is nested too deep.
    """
    if isinstance(value, str):
        if depth < DEEPEST and "\\" in value:
            inner = parse(value)
            if not isinstance(inner, str):
                return dump(transform(inner, change, depth + 1))
        return change(value)
    if isinstance(value, dict):
        return _keep_apart([(change(key), transform(each, change, depth)) for key, each in value.items()])
    if isinstance(value, list):
        return [transform(each, change, depth) for each in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= LONG_NUMBER:
        changed = change(str(value))
        return value if changed == str(value) else changed
    return value


def _keep_apart(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object whose keys may have become the same by their change: later ones are numbered."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        name, number = key, 2
        while name in result:
            name, number = f"{key}#{number}", number + 1
        result[name] = value
    return result


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    return made if len(made) == len(pairs) else Repeated(made)
