"""Which signs a part of an expression takes: the 128 of ASCII, and one that stands for everything beyond."""

from __future__ import annotations

from re import _constants as kinds  # type: ignore[attr-defined]  # no public way to an expression's parts
from typing import Any

OTHER = 128
"""Stands for everything that is not ASCII."""

Signs = frozenset[int]
ALL: Signs = frozenset(range(OTHER + 1))
_SPACES = frozenset(b" \t\n\r\f\v")
_DIGITS = frozenset(b"0123456789")
_WORDS = _DIGITS | frozenset(b"_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_CATEGORIES: dict[Any, Signs] = {
    kinds.CATEGORY_DIGIT: _DIGITS | {OTHER},
    kinds.CATEGORY_NOT_DIGIT: ALL - _DIGITS,
    kinds.CATEGORY_SPACE: _SPACES | {OTHER},
    kinds.CATEGORY_NOT_SPACE: ALL - _SPACES,
    kinds.CATEGORY_WORD: _WORDS | {OTHER},
    kinds.CATEGORY_NOT_WORD: ALL - _WORDS,
}


def begin(item: Any, *, caseless: bool) -> Signs:
    """Return the signs that a part of one sign takes.

    Args:
        item: The part: a literal, anything but one, anything, or a class.
        caseless: Whether the case of letters does not matter.
    """
    kind, arguments = item
    if kind is kinds.LITERAL:
        return _cases({min(arguments, OTHER)}, caseless=caseless)
    if kind is kinds.NOT_LITERAL:
        return ALL - ({arguments} - {OTHER})
    if kind is kinds.IN:
        return _signs(arguments, caseless=caseless)
    return ALL


def _signs(arguments: Any, *, caseless: bool) -> Signs:
    found: set[int] = set()
    negated = False
    for kind, value in arguments:
        if kind is kinds.NEGATE:
            negated = True
        elif kind is kinds.LITERAL:
            found.add(min(value, OTHER))
        elif kind is kinds.RANGE:
            found.update(range(min(value[0], OTHER), min(value[1], OTHER) + 1))
        elif kind is kinds.CATEGORY:
            found |= _CATEGORIES.get(value, ALL)
    signs = _cases(found, caseless=caseless)
    # What is not some letter beyond ASCII may be any other.
    return ALL - (signs - {OTHER}) if negated else signs


def _cases(signs: set[int], *, caseless: bool) -> Signs:
    if not caseless:
        return frozenset(signs)
    # Some letters beyond ASCII are cases of letters in it: the long s, the Kelvin sign.
    both = {ord(each) for sign in signs if sign < OTHER for each in (chr(sign).lower(), chr(sign).upper())}
    return frozenset(both | {OTHER})
