"""Long texts, cut in the middle: the beginning and the end say most, and a mark between them says what is missing.

No cut lies inside a code point, nor inside a word if it can be helped: half of a name or number would pass by the
redaction that knows the whole. JSON is cut inside its texts, the longest first, so that it stays JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from json.encoder import encode_basestring
from typing import Any

from turnlog.producers.coerce import mend

LEAST_BYTES = 1024
"""Smallest bound that leaves room for marks and for what stands around texts in JSON."""

_WORD = 128
"""Characters that a cut may move back to where a word ends."""

_WORTHWHILE = 256
"""Bytes below which a text inside JSON is not worth cutting: then whole items are left out of the middle instead."""

_quote: Callable[[str], str] = encode_basestring

Wrap = Callable[[str], Any]
"""Makes an item of a JSON array that holds a text in place of items left out."""


def mark(count: int) -> str:
    """Return what stands where bytes were left out."""
    return f"[… {count} bytes left out …]"


def utf8(text: str) -> bytes:
    """Return a text's bytes; lone surrogates become U+FFFD as in the encoder."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return mend(text).encode()


def cut(text: str, limit: int) -> str:
    """Return a text of at most that many bytes of UTF-8: itself, or its head and tail with a mark between.

    Args:
        text: The text.
        limit: Bytes; below the mark's length nothing but that many bytes of the head are left.
    """
    raw = utf8(text)
    if len(raw) <= limit:
        return raw.decode()
    room = limit - len(mark(len(raw)).encode())
    if room < 0:
        return raw[: max(0, limit)].decode("utf-8", "ignore")
    head, tail = _head(raw[: room - room // 2]), _tail(raw[len(raw) - room // 2 :])
    return f"{head}{mark(len(raw) - len(head.encode()) - len(tail.encode()))}{tail}"


def ceiling(sizes: Sequence[int], room: int) -> int:
    """Return the largest bound so that sizes, each cut down to it, fit the room together; at least 0."""
    left = room
    for place, size in enumerate(sorted(sizes)):
        share = left // (len(sizes) - place)
        if size > share:
            return max(0, share)
        left -= size
    return max(sizes, default=0)


def cut_json(text: str, limit: int, wrap: Wrap) -> str | None:
    """Return JSON of at most that many bytes: its texts cut, or items left out of the middle of the array that it is.

    Args:
        text: JSON.
        limit: Bytes, at least ``LEAST_BYTES``.
        wrap: Makes the item that stands for those left out.

    Returns:
        None if it is not JSON, or can't be made to fit.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    whole = dump(value)
    if len(utf8(whole)) <= limit:
        return whole
    sizes = [_quoted_size(each) for each in _texts(value)]
    bound = ceiling(sizes, limit - (len(utf8(whole)) - sum(sizes)))
    if bound >= _WORTHWHILE:
        return dump(_cut_texts(value, bound))
    return _cut_items(value, whole, limit, wrap) if isinstance(value, list) else None


def dump(value: Any) -> str:
    """Return a value as JSON on one line, its texts unescaped."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _cut_items(items: list[Any], whole: str, limit: int, wrap: Wrap) -> str:
    sizes = [len(utf8(dump(each))) + 1 for each in items]
    frame = len(utf8(dump([wrap(f"[… {len(items)} of {len(items)} left out: {len(whole)} characters …]")])))
    room = limit - frame
    first = _fitting(sizes, room // 2)
    last = _fitting(sizes[:first:-1], room - room // 2) if first < len(items) else 0
    if first + last:
        middle = items[first : len(items) - last]
        said = f"[… {len(middle)} of {len(items)} left out: {sum(sizes[first : len(items) - last])} bytes …]"
        return dump([*items[:first], wrap(said), *items[len(items) - last :]])
    # Not one item fits: what there is of it as text.
    frame = len(utf8(dump([wrap("")])))
    return dump([wrap(_cut_quoted(whole, limit - frame + 2))])


def _fitting(sizes: Sequence[int], room: int) -> int:
    """Return how many of the first sizes fit the room together."""
    total = 0
    for count, size in enumerate(sizes):
        total += size
        if total > room:
            return count
    return len(sizes)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _cut_texts(value: Any, bound: int) -> Any:
    if isinstance(value, str):
        return _cut_quoted(value, bound)
    if isinstance(value, dict):
        return {key: _cut_texts(each, bound) for key, each in value.items()}
    return [_cut_texts(each, bound) for each in value] if isinstance(value, list) else value


def _cut_quoted(text: str, limit: int) -> str:
    """Cut a text so that its JSON has at most that many bytes, quotes included."""
    bound, fitting = limit - 2, text
    while (size := _quoted_size(fitting)) > limit:
        # Escapes take up to six bytes for one: allow less until it fits.
        fitting = cut(text, bound)
        bound = min(bound - 1, bound * limit // size)
        if bound <= 0:
            return ""
    return fitting


def _quoted_size(text: str) -> int:
    return len(utf8(_quote(text)))


def _head(raw: bytes) -> str:
    text = raw.decode("utf-8", "ignore")
    back = sum(1 for _ in takewhile(lambda letter: not letter.isspace(), reversed(text[-_WORD:])))
    return text[: len(text) - back] if back < min(_WORD, len(text)) else text


def _tail(raw: bytes) -> str:
    text = raw.decode("utf-8", "ignore")
    forth = sum(1 for _ in takewhile(lambda letter: not letter.isspace(), text[:_WORD]))
    return text[forth:] if forth < min(_WORD, len(text)) else text
