"""Texts longer than a tenant's bound: cut, their size and digest noted, and the whole kept elsewhere if asked to."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from turnlog.producers.coerce import UnfitError, to_text
from turnlog.producers.kinds import Fields
from turnlog.producers.texts.content import Content
from turnlog.producers.texts.places import Text, pairs_in, records_in, texts_in, texts_of
from turnlog.producers.texts.seldom import Seldom
from turnlog.producers.texts.truncation import ceiling, cut, cut_json, utf8

_NAMES_SHARE = 16
"""Names, ids and the like may have that part of what texts may have."""

_LONGEST_REFERENCE = 4096


class Bounds:
    """Cuts the texts of one tenant's records to size; for one thread.

    Args:
        content: How long they may be, and where the whole goes.

    Attributes:
        max_bytes: A record whose encoding is no longer than that needs no cutting.
    """

    def __init__(self, content: Content) -> None:
        self.max_bytes = content.max_bytes
        self._store = content.store
        self._seldom = Seldom()

    def apply(self, record: str, fields: Fields) -> bool:
        """Cut what is too long, in place; return whether anything was.

        Attributes then say of each such field how many bytes it had (``content.<field>.bytes``), and of a text its
        SHA-256 and where it is kept.
        """
        notes: dict[str, str] = {}
        for text in texts_of(record):
            value = fields.get(text.name)
            if value is None:
                continue
            free = text.group is None and text.shape not in ("map", "records")
            limit = self.max_bytes // _NAMES_SHARE if free else self.max_bytes
            try:
                if text.shape in ("text", "messages", "parts", "json"):
                    self._text(text, to_text(value), limit, fields, notes)
                else:
                    _several(text, value, limit, fields, notes)
            except UnfitError:
                continue  # the encoder leaves it out
        if not notes:
            return False
        if fields.get("content_state", "full") == "full":
            kept = any(name.endswith(".reference") for name in notes)
            fields["content_state"] = "referenced" if kept else "truncated"
        try:
            fields["attributes"] = {**pairs_in(fields.get("attributes") or {}), **notes}
        except UnfitError:
            fields["attributes"] = notes
        return True

    def _text(self, text: Text, whole: str, limit: int, fields: Fields, notes: dict[str, str]) -> None:
        if len(whole) <= limit // 4:
            return
        raw = utf8(whole)
        if len(raw) <= limit:
            return
        wrap = _message if text.shape == "messages" else _part
        short = None if text.shape == "text" else cut_json(whole, limit, wrap)
        fields[text.name] = cut(whole, limit) if short is None else short
        digest, noted = sha256(raw).hexdigest(), f"content.{text.name}"
        notes[f"{noted}.bytes"] = str(len(raw))
        notes[f"{noted}.sha256"] = digest
        reference = self._kept(digest, raw)
        if reference is not None:
            notes[f"{noted}.reference"] = reference

    def _kept(self, digest: str, raw: bytes) -> str | None:
        if self._store is None:
            return None
        try:
            return cut(to_text(self._store(digest, raw)), _LONGEST_REFERENCE)
        except BaseException as error:  # noqa: BLE001 - even an exit: the store is someone's code, the thread is not
            self._seldom.warn("turnlog: a long text was cut, for its store failed with %s", type(error).__name__)
            return None


def _several(text: Text, value: Any, limit: int, fields: Fields, notes: dict[str, str]) -> None:
    """Cut a field of several texts, the longest first, and leave out the last ones if that is not enough."""
    if text.shape == "list":
        items = texts_in(value)
        size = _size(items)
    elif text.shape == "map":
        pairs = pairs_in(value)
        size = _size(pairs) + _size(pairs.values())
    else:
        records = records_in(text, value)
        size = _size(each for record in records for each in _texts(text, record))
    if size <= limit:
        return
    notes[f"content.{text.name}.bytes"] = str(size)
    if text.shape == "list":
        fields[text.name] = _shortened(items, limit)
    elif text.shape == "map":
        # Names longer than a text may be are none worth keeping.
        names = [name for name in pairs if len(utf8(name)) <= limit // _NAMES_SHARE]
        names = names[: _fitting((len(utf8(name)) for name in names), limit // 2)]
        fields[text.name] = dict(zip(names, _shortened([pairs[name] for name in names], limit // 2), strict=True))
    elif text.shape == "records":
        kept = _shortened([each for record in records for each in _texts(text, record)], limit)
        fields[text.name] = _refilled(text, records, kept)
    else:
        kept = _shortened(_texts(text, records[0]), limit)
        (fields[text.name],) = _refilled(text, records, kept)


def _shortened(texts: list[str], room: int) -> list[str]:
    bound = ceiling([len(utf8(each)) for each in texts], room)
    return [cut(each, bound) for each in texts]


def _refilled(text: Text, records: list[dict[str, Any]], texts: list[str]) -> list[dict[str, Any]]:
    rest = iter(texts)
    return [
        {name: next(rest) if name in text.inner and each is not None else each for name, each in record.items()}
        for record in records
    ]


def _texts(text: Text, record: dict[str, Any]) -> list[str]:
    return [each for name, each in record.items() if name in text.inner and each is not None]


def _size(texts: Iterable[str]) -> int:
    return sum(len(utf8(each)) for each in texts)


def _fitting(sizes: Iterable[int], room: int) -> int:
    count = 0
    for size in sizes:
        room -= size
        if room < 0:
            break
        count += 1
    return count


def _message(text: str) -> Any:
    return {"role": "unknown", "parts": [_part(text)]}


def _part(text: str) -> Any:
    return {"type": "truncated", "content": text}
