"""Strings that hold JSON: their leaves are what needs scanning, and they must stay JSON when something is replaced."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

DEEPEST = 4
"""How many times JSON may be a string inside JSON and still be opened; below that the text is scanned as it stands."""

LONG_NUMBER = 10**9
"""Numbers from here on may be a card's or a telephone's and are scanned like text."""

Change = Callable[[str, str], str]
"""Takes the name under which a text stands ('' where there is none) and the text; returns what to put in its place."""


Cut = Callable[[Sequence[str]], Sequence[str]]
"""Takes pieces of a text that were handed over one by one; returns them without what runs across their seams."""


def is_json(text: str) -> bool:
    """Tell whether a text may be JSON, by its first character."""
    return text.lstrip(" \t\r\n")[:1] in _OPENING


_OPENING = frozenset('{["')


def plain(text: str) -> str | None:
    """Return a text in which everything stands that a JSON text's leaves hold, or None if that takes parsing it.

    Without Unicode escapes and backslashes inside strings every escape is one of seven, and undoing them leaves leaves
    as they are, with JSON's own signs around them.
    """
    if _CAMEL_KEY.search(text):
        return None  # a key's words would not stand apart
    if "\\" not in text:
        return text
    if "\\u" in text or "\\\\" in text:
        return None
    for escape, meant in _ESCAPES:
        text = text.replace(escape, meant)
    return text


_CAMEL_KEY = re.compile(r'[a-z][A-Z][A-Za-z]{0,40}\\{0,8}"\s{0,3}:')
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
    """Return a text behind its name, spelled in words, as rules that want a word before a number see it.

    A name that says nothing of its text is left out, so that an answer that is one number is all of its text.
    """
    return f"{_BETWEEN_WORDS.sub(' ', name)}: {text}" if name and name not in _SAYS_NOTHING else text


_SAYS_NOTHING = frozenset(
    {"content", "text", "body", "message", "input", "output", "value", "answer", "query", "result"}
)
_BETWEEN_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|[_.]")


def piece(value: Any) -> str | None:
    """Return the text of a part of a message: a string, or what an object holds as its text or content."""
    if isinstance(value, dict):
        text = value.get("text", value.get("content"))
        return text if isinstance(text, str) else None
    return value if isinstance(value, str) else None


def with_piece(value: Any, text: str) -> Any:
    """Return a part of a message with another text in it."""
    return {**value, "text" if "text" in value else "content": text} if isinstance(value, dict) else text


def runs(values: Sequence[Any]) -> Iterator[tuple[int, list[str]]]:
    """Find neighbouring pieces that go on without a break: the index of the first, and their texts."""
    start, texts = 0, list[str]()
    for index, each in enumerate(values):
        text = piece(each) or ""
        if texts and text and _OPEN_END.search(texts[-1][-1:]) and _OPEN_END.search(text[0]):
            texts.append(text)
            continue
        if len(texts) > 1:
            yield start, texts
        start, texts = index, [text] if text else []
    if len(texts) > 1:
        yield start, texts


_OPEN_END = re.compile(r"[0-9A-Za-z_+/=@.:-]")


def collect(value: Any, texts: list[str], name: str = "", depth: int = 0) -> None:
    """Add all text in a JSON value to a list: strings behind their keys, long numbers, and JSON inside strings.

    Raises:
        RecursionError: If it is nested too deep.
        ValueError: If a string inside holds JSON with a key twice.
    """
    if isinstance(value, str):
        inner = parse(value) if depth < DEEPEST and _may_hold_json(value) else None
        if inner is None:
            texts.append(labelled(name, value))
        elif inner.lossy:
            raise ValueError("a key stands twice")
        else:
            collect(inner.value, texts, name, depth + 1)
    elif isinstance(value, dict):
        for label, key, each in _labels(value):
            texts.append(key)
            collect(each, texts, label, depth)
    elif isinstance(value, list):
        texts.extend("".join(pieces) for _, pieces in runs(value))
        for each in value:
            collect(each, texts, name, depth)
    elif _is_long(value):
        texts.append(labelled(name, str(value)))


def transform(value: Any, change: Change, cut: Cut, name: str = "", depth: int = 0) -> Any:
    """Return a JSON value with every text that :func:`collect` finds changed.

    Args:
        value: The value.
        change: What to do with a text.
        cut: What to do with texts that go on in the next one.
        name: The key that it stands under.
        depth: In how many strings it stands.

    Raises:
        RecursionError: If it is nested too deep.
    """
    if isinstance(value, str):
        inner = parse(value) if depth < DEEPEST and _may_hold_json(value) else None
        if inner is None:
            return change(name, value)
        changed = transform(inner.value, change, cut, name, depth + 1)
        return value if changed == inner.value and not inner.lossy else dump(changed)
    if isinstance(value, dict):
        return rename(
            (change("", key), transform(each, change, cut, label, depth)) for label, key, each in _labels(value)
        )
    if isinstance(value, list):
        return [transform(each, change, cut, name, depth) for each in healed(value, cut)]
    if _is_long(value):
        text = str(value)
        changed = change(name, text)
        return value if changed == text else changed
    return value


def healed(values: Sequence[Any], cut: Cut) -> list[Any]:
    """Return values with what ran across the seams between them cut out."""
    result = list(values)
    for start, texts in runs(values):
        for index, text in enumerate(cut(texts), start):
            result[index] = with_piece(result[index], text)
    return result


def rename(pairs: Any) -> dict[str, Any]:
    """Build an object from pairs whose keys may have become the same by their change: later ones are numbered."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        name, number = key, 2
        while name in result:
            name, number = f"{key}#{number}", number + 1
        result[name] = value
    return result


def _labels(value: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield an object's keys and values, before them what they are about: a name beside an age is a person's."""
    following = iter((*value, ""))
    next(following)
    for (key, each), behind in zip(value.items(), following, strict=True):
        yield "full name" if key == "name" and _PERSONAL.match(behind) else key, key, each


_PERSONAL = re.compile("age|e-?mail|phone|dob|birth|address|ssn|gender|title|mail|tel|mobile|job|role")
"""As in the rule ``name_json``, which sees the text before it is taken apart."""


def _is_long(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= LONG_NUMBER


def _may_hold_json(text: str) -> bool:
    """Tell whether JSON in a text must be opened: neither escaped nor keyed in camel case, it reads as it stands."""
    return "\\" in text or _CAMEL_KEY.search(text) is not None
