"""Refuses expressions of users' that a text could be made to cost time by.

Python's engine tries one way after the other to match an expression, and some expressions have more ways than there is
time for. How many there are at most can be read off the expression. A repetition has as many as it has lengths, unless
what comes next can't begin with what is repeated: then only one length goes on. What follows upon another multiplies,
and so does what is repeated inside a repetition.
"""

from __future__ import annotations

import re

# There is no public way to an expression's parts. Whatever it may come to say that isn't known here is refused.
from re import _constants as kinds  # type: ignore[attr-defined]  # typeshed leaves it out
from re import _parser as parser  # type: ignore[attr-defined]  # typeshed leaves it out
from typing import Any

from turnlog.processors.policies.signs import ALL, Signs, begin

MOST_WAYS = 20_000
"""Ways that an expression may have; each takes a microsecond or so, and a text has many places to try it at."""

LONGEST = 1000
"""Characters that an expression may have."""

_UNBOUNDED = 4096
_FAR_TOO_MANY = 10**12
_SINGLE = (kinds.LITERAL, kinds.NOT_LITERAL, kinds.ANY, kinds.IN)
_REPEATS = (kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT)


def check(pattern: str, *, caseless: bool = False) -> None:
    """Check that no text can make an expression cost more than it is worth.

    Args:
        pattern: The expression.
        caseless: Whether it ignores the case of letters.

    Raises:
        ValueError: If one could, or the expression is none; says what to do.
    """
    if len(pattern) > LONGEST:
        raise ValueError(f"the pattern has {len(pattern)} characters and may have {LONGEST}")
    try:
        parts = parser.parse(pattern)
    except re.error as error:
        raise ValueError(f"the pattern is no expression: {error}") from error
    if parts.getwidth()[0] == 0:
        raise ValueError("the pattern must not match nothing")
    if _Ways(caseless or bool(parts.state.flags & re.IGNORECASE)).of(parts) > MOST_WAYS:
        raise ValueError(
            "a text could be made to take the pattern very long: don't repeat what is repeated already, and say how "
            "often at most, such as {1,32} for +"
        )


class _Ways:
    """How many ways there are through an expression, at most.

    Args:
        caseless: Whether it ignores the case of letters.
    """

    def __init__(self, caseless: bool) -> None:
        self._caseless = caseless

    def of(self, parts: Any) -> int:
        total = 1
        items = list(parts)
        for index, item in enumerate(items):
            total = min(total * self._item(item, items[index + 1 :]), _FAR_TOO_MANY)
        return total

    def _item(self, item: Any, behind: list[Any]) -> int:
        kind, arguments = item
        if kind in (kinds.LITERAL, kinds.NOT_LITERAL, kinds.ANY, kinds.IN, kinds.AT):
            return 1
        if kind in _REPEATS:
            return self._repeat(kind, arguments, behind)
        if kind is kinds.BRANCH:
            return self._branch(arguments[1])
        if kind is kinds.SUBPATTERN:
            if arguments[1] or arguments[2]:
                raise ValueError("the pattern has flags for a part of it, such as (?i:x): use ignore_case")
            return self.of(arguments[3])
        if kind in (kinds.ASSERT, kinds.ASSERT_NOT):
            return self.of(arguments[1])
        if kind is kinds.ATOMIC_GROUP:
            return self._closed(self.of(arguments))
        raise ValueError(f"the pattern has a part that can't be judged: {str(kind).lower()}")

    def _repeat(self, kind: Any, repetition: Any, behind: list[Any]) -> int:
        least, most, inner = repetition
        lengths = (_UNBOUNDED if most is kinds.MAXREPEAT else int(most)) - least + 1
        each = self.of(inner)
        if each > 1:
            # It may be another way each time round.
            times = _UNBOUNDED if most is kinds.MAXREPEAT else int(most)
            every: int = min(lengths * each ** min(times, 40), _FAR_TOO_MANY)
            return self._closed(every) if kind is kinds.POSSESSIVE_REPEAT else every
        if kind is kinds.POSSESSIVE_REPEAT:
            return 1
        signs = self._single(inner)
        return 1 if signs is not None and not signs & self._first(behind) else lengths

    def _branch(self, branches: list[Any]) -> int:
        ways = [self.of(each) for each in branches]
        firsts = [self._first(list(each)) for each in branches]
        apart = sum(map(len, firsts)) == len(frozenset[int]().union(*firsts))
        return max(ways) if apart else sum(ways)

    def _closed(self, ways: int) -> int:
        """What is matched once and for all has one way to go on from, unless it can't be matched in time itself."""
        return 1 if ways <= MOST_WAYS else ways

    def _single(self, parts: Any) -> Signs | None:
        """Return what signs a part of one sign may be, or None if it is no such part."""
        items = list(parts)
        if len(items) != 1:
            return None
        kind, arguments = items[0]
        if kind is kinds.SUBPATTERN:
            return self._single(arguments[3])
        return begin(items[0], caseless=self._caseless) if kind in _SINGLE else None

    def _first(self, items: list[Any]) -> Signs:
        """Return what signs this may begin with; all of them where it may be empty."""
        found: Signs = frozenset()
        for item in items:
            kind, arguments = item
            found |= self._begin(item)
            if not (kind in _REPEATS and arguments[0] == 0):
                return found
        return ALL

    def _begin(self, item: Any) -> Signs:
        kind, arguments = item
        if kind in _SINGLE:
            return begin(item, caseless=self._caseless)
        if kind is kinds.SUBPATTERN:
            return self._first(list(arguments[3]))
        if kind in _REPEATS:
            return self._first(list(arguments[2]))
        if kind is kinds.BRANCH:
            return frozenset[int]().union(*(self._first(list(each)) for each in arguments[1]))
        return ALL
