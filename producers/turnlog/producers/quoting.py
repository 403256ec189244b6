"""Texts as JSON has them."""

from __future__ import annotations

from json.encoder import encode_basestring
from typing import Final

_SHORT = 64
"""Characters below which it does not pay to look at a text before it is quoted."""

_HARMLESS: Final = bytes({*range(0x20, 0x80), 0x0A})
"""What is in nearly all texts in ASCII: all but control characters, of which only the end of a line is common."""


def quote(text: str) -> str:
    """Return a text in quotes, with nothing escaped but what must be: as the standard library does, only sooner."""
    if len(text) < _SHORT or not text.isascii() or text.encode().translate(None, _HARMLESS):
        return encode_basestring(text)
    # Each of these is one search if there is nothing to replace.
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
