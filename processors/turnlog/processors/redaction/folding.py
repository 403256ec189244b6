"""Makes look-alikes the characters that they look like, and keeps the way back to the text as it was."""

from __future__ import annotations

import re
import sys
import unicodedata
from bisect import bisect_right
from typing import NamedTuple


class Folded(NamedTuple):
    """A text in which digits of every script, wide letters, homoglyphs and invisible characters are plain.

    Attributes:
        text: The text.
        cuts: Where characters were taken out: (index in :attr:`text`, how many so far), in order.
    """

    text: str
    cuts: list[tuple[int, int]]

    def start(self, index: int) -> int:
        """Return where the character at an index stands in the text as it was."""
        return index + self._gone(index)

    def end(self, index: int) -> int:
        """Return the end, in the text as it was, of what ends at an index."""
        return index + self._gone(index - 1)

    def _gone(self, index: int) -> int:
        place = bisect_right(self.cuts, (index, sys.maxsize))
        return self.cuts[place - 1][1] if place else 0


_DIGITS = {
    code: str(unicodedata.decimal(chr(code)))
    for code in (*range(0x80, 0x3000), *range(0xA000, 0xAC00), *range(0x10000, 0x20000))
    if unicodedata.category(chr(code)) == "Nd"
}
_WIDE = {code: chr(code - 0xFEE0) for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}
_WIDE |= {0xFF20: "@", 0xFF0B: "+", 0xFF0E: ".", 0xFF0D: "-", 0xFF3F: "_"}
_STYLED = {
    code: folded
    for code in (*range(0x2460, 0x24EA), *range(0x1D400, 0x1D800))
    if len(folded := unicodedata.normalize("NFKC", chr(code))) == 1 and folded.isascii()
}
_PLAIN = {**_STYLED, **_DIGITS, **_WIDE}
_SPACES = "\u00a0\u2000-\u200a\u202f\u205f\u3000"
_DASHES = "\u2010-\u2015\u2212\ufe58\ufe63\u30fc"
_HIDDEN = "\u00ad\u034f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_VISIBLE = "!-~"
_CHANGES = re.compile(
    # One class first, which is looked for faster than what stands before it.
    f"[{_DASHES}{_SPACES}{_HIDDEN}]"
    f"(?:(?P<dash>(?<=[0-9)][{_DASHES}])(?=[0-9(]))"
    f"|(?P<space>(?<=[0-9)][{_SPACES}])(?=[0-9(]))"
    f"|(?P<hidden>(?<=[{_VISIBLE}][{_HIDDEN}])[{_HIDDEN}]{{0,63}}(?=[{_VISIBLE}])))"
)
_HOMOGLYPHS = str.maketrans(
    "АВЕКМНОРСТУХаеорсухіѕјԁԛԝһӏΑΒΕΖΗΙΚΜΝΟΡΤΥΧοανρ",  # noqa: RUF001 - that they look Latin is the point
    "ABEKMHOPCTYXaeopcyxisjdqwhlABEZHIKMNOPTYXoavp",
)
_SEAM = r"(?:[A-Za-z][\u0370-\u052f]|[\u0370-\u052f][A-Za-z])"
_MIXED_WORD = re.compile(rf"(?<!\S)\S*?{_SEAM}\S*")
_NOT_PLAIN = frozenset(map(chr, _PLAIN))

CHANGES_ALLOWED = 1_000
CHARACTERS_PER_CHANGE = 200
"""So many characters and words may be folded one by one, and one more for so many characters."""


def fold(text: str) -> Folded | None:
    """Fold a text; what is not ASCII and looks like nothing in ASCII stays.

    Returns:
        The text folded; None if so much in it is there to hide something that it is no text.
    """
    left = CHANGES_ALLOWED + len(text) // CHARACTERS_PER_CHANGE
    if not _NOT_PLAIN.isdisjoint(text):
        text = text.translate(_PLAIN)
    cuts: list[tuple[int, int]] = []
    gone = 0
    pieces: list[str] = []
    position = 0
    for match in _CHANGES.finditer(text):
        left -= 1
        if left < 0:
            return None
        pieces.append(text[position : match.start()])
        position = match.end()
        kind = match.lastgroup
        if kind == "hidden":
            gone += match.end() - match.start()
            cuts.append((match.end() - gone, gone))
        else:
            pieces.append("-" if kind == "dash" else " ")
    pieces.append(text[position:])
    folded, changes = _MIXED_WORD.subn(_without_homoglyphs, "".join(pieces), count=left + 1)
    return Folded(folded, cuts) if changes <= left else None


def _without_homoglyphs(match: re.Match[str]) -> str:
    return match.group().translate(_HOMOGLYPHS)


def _bytes_of(*ranges: tuple[int, int]) -> str:
    """Return an expression over UTF-8 for ranges of code points that differ in their last byte only."""
    parts = []
    for first, last in ranges:
        low, high = chr(first).encode(), chr(last).encode()
        head = "".join(f"\\x{byte:02x}" for byte in low[:-1])
        parts.append(f"{head}[\\x{low[-1]:02x}-\\x{high[-1]:02x}]")
    return "|".join(parts)


def _digit_ranges() -> list[tuple[int, int]]:
    # Every script's digits stand together, ten in a row, and never cross a multiple of 64.
    return [
        (code, code + 9) for code in _DIGITS if unicodedata.decimal(chr(code)) == 0 and code // 64 == (code + 9) // 64
    ]


NEEDED = "|".join(
    (
        _bytes_of(*_digit_ranges(), (0xFF10, 0xFF19), (0xFF20, 0xFF3A), (0xFF41, 0xFF5A), (0x2460, 0x247F)),
        r"\xf0\x9d[\x90-\x9f][\x80-\xbf]",
        r"[0-9)](\xe2\x80[\x80-\x95\xaf]|\xc2\xa0|\xe2\x88\x92|\xe2\x81\x9f|\xe3\x80\x80|\xe3\x83\xbc)[0-9(]",
        r"[!-~](\xc2\xad|\xcd\x8f|\xe1\xa0\x8e|\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xa9]|\xef\xbb\xbf){1,8}[!-~]",
        r"[A-Za-z][\xcd-\xd4][\x80-\xbf]|[\xcd-\xd4][\x80-\xbf][A-Za-z]",
    )
)
"""Gate expression that hits wherever :func:`fold` may change something."""
