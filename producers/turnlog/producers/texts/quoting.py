"""Texts as JSON has them."""

from __future__ import annotations

from json.encoder import encode_basestring
from typing import Final

_SHORT = 64
"""Characters below which it does not pay to look at a text before it is quoted."""

_ESCAPED: Final = b'\n"\\'
"""What has to be escaped and is common."""

_PLAIN: Final = bytes({*range(0x20, 0x80)} - {*_ESCAPED})
"""What stands for itself, in ASCII."""


def quote(text: str) -> str:
    """Return a text in quotes, with nothing escaped but what must be: as the standard library does, only sooner."""
    if len(text) < _SHORT or not text.isascii():
        return encode_basestring(text)
    odd = text.encode().translate(None, _PLAIN)
    if not odd:
        return f'"{text}"'
    return encode_basestring(text) if odd.translate(None, _ESCAPED) else f'"{_escaped(text)}"'


def escaped(texts: list[str]) -> list[str]:
    """Return several texts so, looked at together, and without the quotes."""
    together = "".join(texts)
    if len(together) < _SHORT or not together.isascii():
        return [encode_basestring(text)[1:-1] for text in texts]
    odd = together.encode().translate(None, _PLAIN)
    if not odd:
        return texts
    return [encode_basestring(text)[1:-1] if odd.translate(None, _ESCAPED) else _escaped(text) for text in texts]


def _escaped(text: str) -> str:
    # Each of these is one search if there is nothing to replace.
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
