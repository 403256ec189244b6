"""Words that say what stands near them, as Hyperscan expressions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_LETTERS_BEGIN = 0x590
"""Scripts from here on put particles onto words or no spaces between them: their words are found anywhere."""

_BEFORE = (
    r"(^|[^0-9A-Za-z\x80-\xff]|\xc2[\x80-\xbf]|\xe2[\x80-\x83][\x80-\xbf]"
    r"|[\xe3-\xef][\x80-\xbf]{2}|\xf0[\x80-\xbf]{3})"
)
_BEHIND = r"([^0-9A-Za-z\x80-\xff]|\xc2[\x80-\xbf]|\xe2[\x80-\x83]|[\xe3-\xf0]|$)"


_TOGETHER = 8
"""Words in one expression. With a hundred of them in one, a scan takes half as long again."""


def expressions(words: Iterable[str]) -> Sequence[str]:
    """Return expressions, caseless in ASCII, for these words: each for some of them.

    A word stands whole, except that one with an asterisk behind it may go on: ``telefon*`` is in ``Telefonnummer``.
    """
    ordered = sorted(set(words))
    return [_expression(ordered[at : at + _TOGETHER]) for at in range(0, len(ordered), _TOGETHER)]


def _expression(words: Iterable[str]) -> str:
    whole: set[str] = set()
    begun: set[str] = set()
    anywhere: set[str] = set()
    for each in words:
        word = each.removesuffix("*")
        if ord(word[0]) >= _LETTERS_BEGIN:
            anywhere.add(_spelled(word))
            continue
        # The gate knows the cases of ASCII only.
        cases = {word} if word.isascii() else {word.lower(), word.upper(), word.capitalize()}
        (begun if each.endswith("*") else whole).update(map(_spelled, cases))
    parts = sorted(anywhere)
    if whole:
        parts.append(f"{_BEFORE}({'|'.join(sorted(whole))}){_BEHIND}")
    if begun:
        parts.append(f"{_BEFORE}({'|'.join(sorted(begun))})")
    return "|".join(parts)


def _spelled(word: str) -> str:
    """Spell a word's UTF-8 bytes, so that the gate needs no Unicode mode, which refuses lone surrogates."""
    return "".join(chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\x{byte:02x}" for byte in word.encode())


def spelled_pattern(pattern: str) -> str:
    """Return a pattern with every character that is not ASCII as its bytes; none may stand in a character class."""
    return "".join(each if each.isascii() else f"(?:{_spelled(each)})" for each in pattern)
