"""Reading attributes: several names for one thing, JSON in texts, and lists flattened to numbered names."""

from __future__ import annotations

import json
from typing import Any

from turnlog.producers.coerce import UnfitError, to_text
from turnlog.producers.integrations.genai.values import Attributes


def first(attributes: Attributes, *names: str) -> Any:
    """Return the value of the first of these names that has one; an empty text is none."""
    for name in names:
        if name in attributes:
            value = attributes[name]
            if value is not None and not (isinstance(value, str) and not value):
                return value
    return None


def text(attributes: Attributes, *names: str) -> str | None:
    """Return the same as text."""
    value = first(attributes, *names)
    if value is None:
        return None
    try:
        return to_text(value)
    except UnfitError:
        return None


def parsed(value: Any) -> Any:
    """Return what JSON in a text says, if it is an object or list; anything else as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def numbered(attributes: Attributes, prefix: str) -> list[dict[str, Any]]:
    """Return the items of a list that was flattened: ``prefix.0.role`` is ``role`` of the first.

    Numbers that are missing are left out, an item without a name of its own (``prefix.0``) is under the empty name.
    """
    start = f"{prefix}."
    items: dict[int, dict[str, Any]] = {}
    for key, value in attributes.items():
        if isinstance(key, str) and key.startswith(start):
            number, _, rest = key[len(start) :].partition(".")
            if number.isascii() and number.isdigit() and len(number) < 7:
                items.setdefault(int(number), {})[rest] = value
    return [items[number] for number in sorted(items)]
