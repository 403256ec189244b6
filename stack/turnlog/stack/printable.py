"""Text from events made safe and short for a terminal: what chats hold must not move the cursor or hide lines."""

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_SPACES = re.compile(r"\s+")


def one_line(text: str, width: int | None = None) -> str:
    """Return the text on one line: white space joined, control and direction characters replaced, cut with ``…``.

    Args:
        text: Any text.
        width: Most characters to return; None for all.
    """
    if width is not None:
        text = text[: 4 * width]  # a megabyte need not be cleaned for what a line shows of it
    line = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", _SPACES.sub(" ", text).strip())
    if width is not None and len(line) > width:
        return line[: max(0, width - 1)].rstrip() + "…"
    return line
