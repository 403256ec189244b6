"""Strings that hold JSON: their leaves are what needs scanning, and they must stay JSON when something is replaced."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

DEEPEST = 4
"""How many times JSON may be a string inside JSON and still be opened; below that the text is scanned as it stands."""

LONG_NUMBER = 10**9
"""Numbers from here on may be a card's or a telephone's and are scanned like text."""

Change = Callable[[str, str], str]
"""Takes the name under which a text stands ('' where there is none) and the text; returns what to put in its place."""


def is_json(text: str) -> bool:
    """Tell whether a text may be JSON, by its first character."""
    return text.lstrip(" \t\r\n")[:1] in _OPENING


_OPENING = frozenset('{["')


def plain(text: str) -> str | None:
    """Return a text in which everything stands that a JSON text's leaves hold, or None if that takes parsing it.

    Without Unicode escapes and backslashes inside strings every escape is one of seven, and undoing them leaves leaves
    as they are, with JSON's own signs around them.
    """
    if "\\" not in text:
        return text
    if "\\u" in text or "\\\\" in text:
        return None
    for escape, meant in _ESCAPES:
        text = text.replace(escape, meant)
    return text


_ESCAPES = (("\\n", "\n"), ('\\"', '"'), ("\\t", "\t"), ("\\r", "\r"), ("\\/", "/"), ("\\b", "\b"), ("\\f", "\f"))


class Parsed:
    """A JSON value.

    Attributes:
        value: The value.
        lossy: Whether an object had a key twice: the text then holds more than the value does.
    """

    def __init__(self, value: Any, lossy: bool) -> None:
        self.value = value
        self.lossy = lossy


def parse(text: str) -> Parsed | None:
    """Return the value of a JSON text, or None if it is none.

    Raises:
        RecursionError: If it is nested too deep.
    """
    if not is_json(text):
        return None
    lossy = False

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal lossy
        made = dict(found)
        lossy = lossy or len(made) != len(found)
        return made

    try:
        return Parsed(json.loads(text, object_pairs_hook=pairs), lossy)
    except ValueError:
        return None


def dump(value: Any) -> str:
    """Return a value as JSON, without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def labelled(name: str, text: str) -> str:
    """Return a text behind its name, as rules that want a word before a number see it."""
    return f"{name}: {text}" if name else text


def collect(value: Any, texts: list[str], name: str = "", depth: int = 0) -> None:
    """Add all text in a JSON value to a list: strings behind their keys, long numbers, and JSON inside strings.

    Raises:
        RecursionError: If it is nested too deep.
        ValueError: If a string inside holds JSON with a key twice.
    """
    if isinstance(value, str):
        inner = parse(value) if depth < DEEPEST and "\\" in value else None
        if inner is None:
            texts.append(labelled(name, value))
        elif inner.lossy:
            raise ValueError("a key stands twice")
        else:
            collect(inner.value, texts, name, depth + 1)
    elif isinstance(value, dict):
        for key, each in value.items():
            texts.append(key)
            collect(each, texts, key, depth)
    elif isinstance(value, list):
        for each in value:
            collect(each, texts, name, depth)
    elif _is_long(value):
        texts.append(labelled(name, str(value)))


def transform(value: Any, change: Change, name: str = "", depth: int = 0) -> Any:
    """Return a JSON value with every text that :func:`collect` finds changed.

    Raises:
        RecursionError: If it is nested too deep.
    """
    if isinstance(value, str):
        inner = parse(value) if depth < DEEPEST and "\\" in value else None
        if inner is None:
            return change(name, value)
        changed = transform(inner.value, change, name, depth + 1)
        return value if changed == inner.value and not inner.lossy else dump(changed)
    if isinstance(value, dict):
        return rename((change("", key), transform(each, change, key, depth)) for key, each in value.items())
    if isinstance(value, list):
        return [transform(each, change, name, depth) for each in value]
    if _is_long(value):
        text = str(value)
        changed = change(name, text)
        return value if changed == text else changed
    return value


def rename(pairs: Any) -> dict[str, Any]:
    """Build an object from pairs whose keys may have become the same by their change: later ones are numbered."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        name, number = key, 2
        while name in result:
            name, number = f"{key}#{number}", number + 1
        result[name] = value
    return result


def _is_long(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= LONG_NUMBER
