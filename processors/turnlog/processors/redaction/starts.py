"""How matches of an expression begin, read off it, so that it needs trying only where a number or a word begins."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

# As in needs: there is no public way to an expression's parts, and what isn't known here counts as anything.
from re import _constants as kinds  # type: ignore[attr-defined]  # typeshed leaves it out
from re import _parser as parser  # type: ignore[attr-defined]  # typeshed leaves it out
from typing import Any

from turnlog.processors.redaction.needs import ALL_SIGNS, DIGIT_SIGNS, LETTER_SIGNS, Signs, refused_by, signs_in

_BLOCK = 128
"""Characters in which beginnings are looked for at once."""

_REMEMBERED = 256
"""So many answers about a text are kept."""


@dataclass(frozen=True, eq=False)  # told apart, and looked up, by identity, which costs least
class Kind:
    """A way to begin.

    Attributes:
        runs: Finds what may begin a match.
        first: What that may begin with.
        inside: What must not stand right before a match.
    """

    runs: re.Pattern[str]
    first: Signs
    inside: Signs


NUMBER = Kind(re.compile(r"\(|[0-9]+"), DIGIT_SIGNS | frozenset(b"("), DIGIT_SIGNS)
WORD = Kind(re.compile("[0-9A-Za-z]+"), DIGIT_SIGNS | LETTER_SIGNS, DIGIT_SIGNS | LETTER_SIGNS)


@cache
def kind_of(pattern: str, *, caseless: bool) -> Kind | None:
    """Return how every match of a pattern begins; None if that can't be told."""
    try:
        before, first = _beginning(parser.parse(pattern))
    except (re.error, RecursionError):
        return None
    if first is None:
        return None
    # Without cases a letter may be one that isn't ASCII.
    kinds_known = (NUMBER,) if caseless else (NUMBER, WORD)
    return next((kind for kind in kinds_known if first <= kind.first and not before & kind.inside), None)


@cache
def width(pattern: str) -> tuple[int, int]:
    """Return how many characters a match has at least and at most."""
    low, high = parser.parse(pattern).getwidth()
    return int(low), int(high)


def _beginning(parts: Any, index: int = 0) -> tuple[Signs, Signs | None]:
    """Return what may stand before a match of these parts, and what it may begin with: None if with nothing."""
    before = ALL_SIGNS
    for place in range(index, len(parts)):
        kind, value = parts[place]
        if kind in (kinds.ASSERT, kinds.ASSERT_NOT):
            direction, inner = value
            if direction < 0:
                before &= _last(inner) if kind is kinds.ASSERT else ALL_SIGNS - refused_by(inner)
        elif kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT) and value[0] == 0:
            with_it, without = _beginning(value[2]), _beginning(parts, place + 1)
            return before & (with_it[0] | without[0]), _both(with_it[1], without[1])
        elif kind is not kinds.AT:
            its_before, first = _part(kind, value)
            return before & its_before, first
    return before, None


def _part(kind: Any, value: Any) -> tuple[Signs, Signs | None]:
    if kind is kinds.SUBPATTERN:
        return _beginning(value[3])
    if kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT):
        return _beginning(value[2])
    if kind is kinds.BRANCH:
        branches = [_beginning(branch) for branch in value[1]]
        first: Signs | None = frozenset()
        for _, its_first in branches:
            first = _both(first, its_first)
        return frozenset().union(*(before for before, _ in branches)), first
    return ALL_SIGNS, _sign(kind, value)


def _both(one: Signs | None, other: Signs | None) -> Signs | None:
    return None if one is None or other is None else one | other


def _sign(kind: Any, value: Any) -> Signs | None:
    if kind is kinds.LITERAL:
        return signs_in([(kind, value)])
    return signs_in(value) if kind is kinds.IN else None


def _last(parts: Any) -> Signs:
    """Return what a look-behind may see right before the match."""
    signs = _sign(*parts[-1]) if len(parts) else None
    return ALL_SIGNS if signs is None else signs


class Starts:
    """Where numbers or words begin in a text, found when somebody asks.

    Args:
        text: The text.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._blocks: dict[tuple[int, Kind], Sequence[int]] = {}
        self._latest: dict[tuple[Kind, int, int], Sequence[int]] = {}

    def between(self, kind: Kind, low: int, high: int) -> Sequence[int]:
        """Return the indices from ``low`` to ``high``, inclusive, at which something of a kind begins."""
        # Most rules near a word ask for the same stretch.
        found = self._latest.get((kind, low, high))
        if found is None:
            first, last = low // _BLOCK, high // _BLOCK
            if first == last:
                starts = self._block(first, kind)
            else:
                starts = [start for block in range(first, last + 1) for start in self._block(block, kind)]
            found = starts[bisect_left(starts, low) : bisect_right(starts, high)]
            if len(self._latest) < _REMEMBERED:
                self._latest[kind, low, high] = found
        return found

    def _block(self, number: int, kind: Kind) -> Sequence[int]:
        starts = self._blocks.get((number, kind))
        if starts is None:
            text, low = self._text, number * _BLOCK
            starts = [match.start() for match in kind.runs.finditer(text, low, low + _BLOCK)]
            # What began in the block before doesn't begin here.
            if low and starts and starts[0] == low and text[low] != "(" and kind.runs.fullmatch(text, low - 1, low + 1):
                starts = starts[1:]
            self._blocks[number, kind] = starts
        return starts
