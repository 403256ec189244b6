"""JSON of messages and their parts, gone through text by text: what each is about, and where it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from turnlog.producers.coerce import to_json
from turnlog.producers.texts.places import Shape, TextKind
from turnlog.producers.texts.truncation import dump

Edit = Callable[[str, TextKind, str], str]
"""Takes a text, its kind and its path; returns what to put in its place."""

_LONG_NUMBER = 10**9
"""Numbers from here on may be a card's or a telephone's and are gone through like text."""

_WORD = re.compile(r"[A-Za-z0-9_./:+-]{1,64}")
_SHAPE_KEYS = frozenset({"role", "type", "finish_reason", "modality", "mime_type"})
_NAME_KEYS = _SHAPE_KEYS | {"id", "name"}
_KEYS = _NAME_KEYS | {"parts", "content", "arguments", "response", "uri"}
"""Keys of messages and parts that are the conventions' own; any other may be someone's text."""


def parsed(text: str) -> tuple[Any, bool] | None:
    """Return what a JSON object or array holds, and whether it holds a key twice; None if it is neither.

    Raises:
        RecursionError: If it is nested too deep.
    """
    if text.lstrip(" \t\r\n")[:1] not in ("{", "["):
        return None
    lossy = False

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal lossy
        made = dict(found)
        lossy = lossy or len(made) != len(found)
        return made

    try:
        return json.loads(text, object_pairs_hook=pairs), lossy
    except ValueError:
        return None


def edited(text: str, shape: Shape, kind: TextKind, path: str, edit: Edit) -> str:
    """Return a JSON text with every text in it edited; a text that is no JSON is edited as it stands."""
    found = parsed(text)
    if found is None:
        return edit(text, kind, path)
    value, lossy = found
    if shape == "messages" and isinstance(value, list):
        changed: Any = [_message(each, kind, f"{path}[{place}]", edit) for place, each in enumerate(value)]
    elif shape == "parts" and isinstance(value, list):
        changed = [_part(each, kind, f"{path}[{place}]", edit) for place, each in enumerate(value)]
    else:
        changed = leaves(value, kind, path, edit)
    # Of a key that stands twice, the first value was not seen: it must not stay.
    return text if changed == value and not lossy else dump(changed)


def leaves(value: Any, kind: TextKind, path: str, edit: Edit) -> Any:
    """Return a JSON value with its texts, keys and long numbers edited."""
    if isinstance(value, str):
        return edit(value, kind, path) if value else value
    if isinstance(value, dict):
        # Paths count an object's members: a key may be what had to be withheld.
        places = [(key, each, f"{path}[{place}]") for place, (key, each) in enumerate(value.items())]
        return numbered(
            (edit(key, kind, where) if key else key, leaves(each, kind, where, edit)) for key, each, where in places
        )
    if isinstance(value, list):
        return [leaves(each, kind, f"{path}[{place}]", edit) for place, each in enumerate(value)]
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) >= _LONG_NUMBER:
        text = str(value)
        changed = edit(text, kind, path)
        return value if changed == text else changed
    return value


def numbered(pairs: Any) -> dict[str, Any]:
    """Build a dict from pairs whose keys may have become the same by their editing: later ones are numbered."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        name, number = key, 2
        while name in result:
            name, number = f"{key}#{number}", number + 1
        result[name] = value
    return result


def hashed(text: str, shape: Shape, digest: Callable[[str], str]) -> str:
    """Return JSON of the same messages, parts or items, with a digest in place of everything that was said."""
    found = parsed(text)
    value = found[0] if found else None
    if shape in ("messages", "parts") and isinstance(value, list):
        return dump([_hashed(each, digest) for each in value])
    if shape == "json" and isinstance(value, list):
        return dump([digest(dump(each)) for each in value])
    return digest(text)


def _message(message: Any, kind: TextKind, path: str, edit: Edit) -> Any:
    if not isinstance(message, Mapping):
        return leaves(message, kind, path, edit)
    if message.get("role") in ("system", "developer"):
        kind = "system"
    return numbered(
        (key, [_part(each, kind, f"{path}.parts[{at}]", edit) for at, each in enumerate(value)])
        if key == "parts" and isinstance(value, list)
        else _member(key, value, kind, _inside(path, key, place), edit)
        for place, (key, value) in enumerate(message.items())
    )


def _part(part: Any, kind: TextKind, path: str, edit: Edit) -> Any:
    if not isinstance(part, Mapping):
        return leaves(part, kind, path, edit)
    told = _PART_KINDS.get(str(part.get("type")), kind)
    return numbered(
        _member(key, value, "other" if key == "name" else told, _inside(path, key, place), edit)
        for place, (key, value) in enumerate(part.items())
    )


_PART_KINDS: Mapping[str, TextKind] = {"tool_call": "tool_arguments", "tool_call_response": "tool_result"}


def _member(key: str, value: Any, kind: TextKind, path: str, edit: Edit) -> tuple[str, Any]:
    if key in _SHAPE_KEYS and isinstance(value, str) and _WORD.fullmatch(value):
        return key, value
    return key if key in _KEYS or not key else edit(key, kind, path), leaves(value, kind, path, edit)


def _inside(path: str, key: str, place: int) -> str:
    return f"{path}.{key}" if key in _KEYS else f"{path}[{place}]"


def _hashed(member: Any, digest: Callable[[str], str]) -> Any:
    if not isinstance(member, Mapping):
        return digest(member if isinstance(member, str) else to_json(member))
    out: dict[str, Any] = {}
    for key, value in member.items():
        if key == "parts" and isinstance(value, list):
            out[key] = [_hashed(each, digest) for each in value]
        elif value is None or (key in _NAME_KEYS and isinstance(value, str) and _WORD.fullmatch(value)):
            out[key] = value
        else:
            name = key if _WORD.fullmatch(key) else digest(key)
            out[name] = digest(value if isinstance(value, str) else to_json(value))
    return out
