"""The redaction rules as a client's ``mask=`` hook: what they find is replaced before it leaves the chatbot's process.

    from turnlog.processors.masking import masker
    from turnlog.producers import Client

    client = Client("support-bot", mask=masker())

The processors redact again what comes to them, with their own keys; they leave alone what stands here already.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Collection
from functools import lru_cache
from threading import Lock
from typing import Any

from turnlog.processors.redaction import scan
from turnlog.schemas import SettingError

_SHORT = 64
_REMEMBERED = 8192
_SAFE = re.compile("[a-z0-9_]{1,40}")
_DIGITS = 8

_scanning = Lock()
"""The scanner that all share is for one thread at a time, and every client has a thread of its own."""


def masker(*, secret: str | None = None, skip: Collection[str] = ()) -> Callable[[str, str], str]:
    """Return a hook that replaces personal data and secrets by ``<TYPE>``, and ``<SECRET:rule>``.

    What it can't scan it fails on, and the client then withholds that text whole.

    Args:
        secret: With one, tokens tell people apart without saying who they are: ``<EMAIL:k0-9f2c71ab>`` is the same for
            the same address wherever the same secret is in use. Sixteen characters or more, random ones.
        skip: Kinds of text that are kept as they are, such as ``other`` (names of models, tools and loggers).

    Raises:
        SettingError: If the secret is too short to be one.
    """
    if secret is not None and len(secret) < 16:
        raise SettingError("the secret of a masker must have 16 characters or more, random ones")
    key = None if secret is None else secret.encode()
    kept = frozenset(skip)

    def changed(text: str) -> str:
        value = _json(text)
        if value is None:
            return _replaced(text, key)
        masked = _leaves(value, key)
        return text if masked == value else json.dumps(masked, ensure_ascii=False, separators=(",", ":"))

    remembered = lru_cache(maxsize=_REMEMBERED)(changed)

    def mask(text: str, kind: str) -> str:
        if kind in kept:
            return text
        # Names and ids come again with every event.
        return remembered(text) if len(text) <= _SHORT else changed(text)

    return mask


def _replaced(text: str, key: bytes | None) -> str:
    with _scanning:
        spans = scan(text)
    pieces: list[str] = []
    position = 0
    for span in spans:
        pieces += (
            text[position : span.start],
            _token(span.type, span.rule, span.value or text[span.start : span.end], key),
        )
        position = span.end
    return "".join((*pieces, text[position:]))


def _token(kind: str, rule: str, value: str, key: bytes | None) -> str:
    if kind == "SECRET":
        return f"<SECRET:{rule if _SAFE.fullmatch(rule) else 'found'}>"
    if key is None:
        return f"<{kind}>"
    digest = hmac.digest(key, f"{kind}\0{value}".encode("utf-8", "surrogatepass"), "sha256")
    return f"<{kind}:k0-{digest.hex()[:_DIGITS]}>"


def _json(text: str) -> Any:
    """Return the object or array that a text is the JSON of: escapes hide what its strings hold."""
    if text.lstrip(" \t\r\n")[:1] not in ("{", "["):
        return None
    twice = False

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal twice
        made = dict(found)
        twice = twice or len(made) != len(found)
        return made

    try:
        value = json.loads(text, object_pairs_hook=pairs)
    except ValueError:
        return None
    # Of a key that stands twice one value would go unseen: then the text is scanned as it stands.
    return None if twice else value


def _leaves(value: Any, key: bytes | None, name: str = "") -> Any:
    """Return a JSON value with what is found in its texts, keys and numbers replaced."""
    if isinstance(value, dict):
        out: dict[str, Any] = {}
        for each, one in value.items():
            masked = _replaced(each, key)
            while masked in out:  # two keys may have become the same
                masked += "#"
            out[masked] = _leaves(one, key, each)
        return out
    if isinstance(value, list):
        return [_leaves(each, key, name) for each in value]
    if isinstance(value, bool) or value is None:
        return value
    # The name goes before the text, because it says what a number is.
    text = value if isinstance(value, str) else str(value)
    label = f"{name}: " if name else ""
    changed = _replaced(f"{label}{text}", key)
    if changed == f"{label}{text}":
        return value
    return changed[len(label) :] if changed.startswith(label) else _replaced(text, key)
