"""What every match of an expression holds, so that one cheap expression can say of many that they can't match.

Most rules look for a number of some digits or for a long word of letters and digits, which ordinary texts don't have.
That a rule does is read off its expression, never declared: a rule that can't be read counts as one that does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

# There is no public way to an expression's parts. Whatever it may come to say that isn't known here, counts as unknown.
from re import _constants as kinds  # type: ignore[attr-defined]  # typeshed leaves it out
from re import _parser as parser  # type: ignore[attr-defined]  # typeshed leaves it out
from typing import Any, NamedTuple

from turnlog.processors.redaction.gate import Expression, Report

SHORT_DIGITS, DIGITS, GAP = 4, 6, 3
TOKEN_LENGTH = 16
_BETWEEN_DIGITS = " ()./-"


def number(digits: int) -> Expression:
    """Return what hits a number of at least so many digits, however they are set apart."""
    return Expression(f"[0-9]([{_BETWEEN_DIGITS}]{{0,{GAP}}}[0-9]){{{digits - 1}}}", report=Report.ONCE)


SHORT_NUMBER = number(SHORT_DIGITS)
"""Hits a number of at least four digits, however they are set apart."""

NUMBER = number(DIGITS)
"""Hits a number of at least six digits, however they are set apart."""

TOKEN = Expression(f"[0-9A-Za-z_+/=.~-]{{{TOKEN_LENGTH}}}", report=Report.ONCE)
"""Hits a word of at least sixteen letters, digits and signs that keys have."""

Signs = frozenset[int]
"""ASCII characters, by their numbers, and one more that stands for all others."""

DIGIT_SIGNS: Signs = frozenset(b"0123456789")
LETTER_SIGNS: Signs = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_GAP_SIGNS: Signs = frozenset(_BETWEEN_DIGITS.encode()) | DIGIT_SIGNS
_TOKEN_SIGNS: Signs = frozenset(b"_+/=.~-") | LETTER_SIGNS | DIGIT_SIGNS
_OTHER = 128
"""Stands for everything that is not ASCII."""

ALL_SIGNS: Signs = frozenset(range(_OTHER + 1))
_ENDLESS = 10_000
_COUNTED = 64
"""Repetitions of which each is looked at; more of them say no more."""


@cache
def need(pattern: str, *, caseless: bool) -> Expression | None:
    """Return the one of these expressions that hits in every match of a pattern and seldom elsewhere, if there is one.

    Args:
        pattern: An expression, of Python's or of Hyperscan's.
        caseless: Whether it ignores the case of letters.
    """
    digits = digits_in(pattern)
    if digits >= DIGITS:
        return NUMBER
    # Without cases, to Python, a letter may be one that isn't ASCII.
    if not caseless and read(pattern, _NO_RUN, _run_of).longest >= TOKEN_LENGTH:
        return TOKEN
    return SHORT_NUMBER if digits >= SHORT_DIGITS else None


@cache
def digits_in(pattern: str) -> int:
    """Return how many digits in a row, but for few signs between them, each match of a pattern has at least."""
    longest: int = read(pattern, _NO_DIGITS, _digit_of).longest
    return longest


class _Digits(NamedTuple):
    """Digits in a row, but for at most :data:`GAP` signs from one to the next, that each match of a part has.

    Attributes:
        whole: Whether all digits are in one row.
        first: Length of the row that it begins with at least; 0 if it may be without digits.
        last: Length of the row that it ends with at least.
        longest: Length of the longest at least.
        lead: Other signs before its first digit at most; one too many stands for any number, and for signs that end a
            row. Of a part that may be without digits, all its other signs.
        tail: The same behind its last digit.
        width: All its other signs.
    """

    whole: bool
    first: int
    last: int
    longest: int
    lead: int
    tail: int
    width: int

    def then(self, other: _Digits) -> _Digits:
        """Return what the one part and then the other has."""
        width, joint = _few(self.width + other.width), _few(self.tail + other.lead)
        if not self.first:
            tail = other.tail if other.first else joint
            return other._replace(lead=_few(self.lead + other.lead), tail=tail, width=width)
        if not other.first:
            return self._replace(tail=joint, width=width)
        linked = joint <= GAP
        return _Digits(
            linked and self.whole and other.whole,
            self.first + (other.first if linked and self.whole else 0),
            other.last + (self.last if linked and other.whole else 0),
            max(self.longest, other.longest, self.last + other.first if linked else 0),
            self.lead,
            other.tail,
            width,
        )

    def either(self, other: _Digits) -> _Digits:
        """Return what the one or the other has."""
        width = max(self.width, other.width)
        if not self.first or not other.first:
            return _without_digits(width)
        return _Digits(
            self.whole and other.whole,
            min(self.first, other.first),
            min(self.last, other.last),
            min(self.longest, other.longest),
            max(self.lead, other.lead),
            max(self.tail, other.tail),
            width,
        )

    def up_to(self, times: int) -> _Digits:
        """Return what there is if the part may be there so many times or not at all."""
        return _without_digits(_few(times * self.width))


def _few(signs: int) -> int:
    return min(signs, GAP + 1)


def _without_digits(width: int) -> _Digits:
    return _Digits(True, 0, 0, 0, width, width, width)


_NO_DIGITS = _without_digits(0)


def _digit_of(signs: Signs) -> _Digits:
    if signs and signs <= DIGIT_SIGNS:
        return _Digits(True, 1, 1, 1, 0, 0, 0)
    return _without_digits(1 if signs <= _GAP_SIGNS else GAP + 1)


class _Run(NamedTuple):
    """Runs of a token's signs that each match of a part has.

    Attributes:
        whole: Whether it has no others.
        first: How many it begins with at least.
        last: How many it ends with at least.
        longest: How many there are in a row at least.
    """

    whole: bool
    first: int
    last: int
    longest: int

    def then(self, other: _Run) -> _Run:
        """Return what the one part and then the other has."""
        return _Run(
            self.whole and other.whole,
            self.first + (other.first if self.whole else 0),
            other.last + (self.last if other.whole else 0),
            max(self.longest, other.longest, self.last + other.first),
        )

    def either(self, other: _Run) -> _Run:
        """Return what the one or the other has."""
        return _Run(self.whole and other.whole, *(min(pair) for pair in zip(self[1:], other[1:], strict=True)))

    def up_to(self, times: int) -> _Run:  # noqa: ARG002 - the other kind of facts counts them
        """Return what there is if the part may be there so many times or not at all."""
        return _Run(self.whole, 0, 0, 0)


_NO_RUN = _Run(whole=True, first=0, last=0, longest=0)


def _run_of(signs: Signs) -> _Run:
    return _Run(True, 1, 1, 1) if signs and signs <= _TOKEN_SIGNS else _Run(False, 0, 0, 0)


def read(
    pattern: str, nothing: Any, sign: Callable[[Signs], Any], refused: Callable[[Signs], Any] | None = None
) -> Any:
    """Return facts of one kind about a pattern.

    Args:
        pattern: The expression; one that can't be read may be anything.
        nothing: The facts of a part that is empty. Facts have ``then``, ``either`` and ``up_to``, which say what
            follows for parts made of parts.
        sign: Gives the facts of a part that is one sign, out of those that it may be.
        refused: Gives the facts of a place before which these signs can't be; None if that says nothing.
    """
    reader = _Reader(nothing, sign, refused)
    try:
        return reader.sequence(parser.parse(pattern))
    except (re.error, RecursionError):
        return reader.unknown()


class _Reader(NamedTuple):
    nothing: Any
    sign: Callable[[Signs], Any]
    refused: Callable[[Signs], Any] | None

    def unknown(self) -> Any:
        return self.sign(ALL_SIGNS).up_to(_ENDLESS)

    def sequence(self, parts: Any) -> Any:
        result = self.nothing
        for kind, value in parts:
            result = result.then(self.part(kind, value))
        return result

    def part(self, kind: Any, value: Any) -> Any:  # noqa: PLR0911 - one for each kind
        if kind is kinds.LITERAL:
            return self.sign(frozenset({min(value, _OTHER)}))
        if kind is kinds.IN:
            return self.sign(signs_in(value))
        if kind is kinds.SUBPATTERN:
            return self.sequence(value[3])
        if kind is kinds.BRANCH:
            first, *others = (self.sequence(branch) for branch in value[1])
            for each in others:
                first = first.either(each)
            return first
        if kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT):
            least, most, parts = value
            each, result = self.sequence(parts), self.nothing
            for _ in range(min(least, _COUNTED)):
                result = result.then(each)
            rest = _ENDLESS if most is kinds.MAXREPEAT else most - min(least, _COUNTED)
            return result.then(each.up_to(rest)) if rest else result
        if kind is kinds.ASSERT_NOT and value[0] > 0 and self.refused is not None:
            return self.refused(refused_by(value[1]))
        if kind in (kinds.AT, kinds.ASSERT, kinds.ASSERT_NOT):
            return self.nothing
        return self.sign(ALL_SIGNS) if kind in (kinds.ANY, kinds.NOT_LITERAL) else self.unknown()


def refused_by(parts: Any) -> Signs:
    """Return what a negative look-around, as the parser has it, surely refuses right beside it."""
    if len(parts) != 1:
        return frozenset()
    kind, value = parts[0]
    if kind is kinds.BRANCH:
        return frozenset().union(*map(refused_by, value[1]))
    items = value if kind is kinds.IN else [parts[0]]
    known = all(each in (kinds.LITERAL, kinds.RANGE) for each, _ in items)
    return signs_in(items) if known else frozenset()


def signs_in(items: Any) -> Signs:
    """Return what a character class, as the parser has it, takes at most."""
    signs: set[int] = set()
    for kind, value in items:
        if kind is kinds.LITERAL:
            signs.add(min(value, _OTHER))
        elif kind is kinds.RANGE:
            signs.update(range(min(value[0], _OTHER), min(value[1], _OTHER) + 1))
        else:
            return ALL_SIGNS
    return frozenset(signs)
