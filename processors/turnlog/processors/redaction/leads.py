"""How many digits or letters in a row a match begins with, read off its expression.

Near a word such as *passport* dozens of rules may be meant, but at a number of nine digits few of them can match.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from turnlog.processors.redaction.needs import Signs, read

MOST = 24
"""Counts above this one are not told apart from it."""

_ANY = (1 << MOST + 1) - 1


class _Lead(NamedTuple):
    """Counts with which a part of an expression may begin, as bits of a number.

    Attributes:
        going: Those with which the part ends, so that the next part's signs may go on with the row.
        ended: Those with which the row ends within the part.
    """

    going: int
    ended: int

    def then(self, other: _Lead) -> _Lead:
        """Return what the one part and then the other begins with."""
        return _Lead(_sums(self.going, other.going), self.ended | _sums(self.going, other.ended))

    def either(self, other: _Lead) -> _Lead:
        """Return what the one or the other begins with."""
        return _Lead(self.going | other.going, self.ended | other.ended)

    def up_to(self, times: int) -> _Lead:
        """Return what there is if the part may be there so many times or not at all."""
        result = _NOTHING
        for _ in range(min(times, MOST + 1)):
            result = _NOTHING.either(self.then(result))
        return result

    def counts(self) -> frozenset[int]:
        """Return the counts of rows in a text at which a match may begin."""
        # What ends with the expression may go on behind the match.
        bits = self.ended
        if self.going:
            bits |= _ANY & -(self.going & -self.going)
        return frozenset(count for count in range(MOST + 1) if bits >> count & 1)


_NOTHING = _Lead(1, 0)


@cache
def leads(pattern: str, signs: Signs) -> frozenset[int]:
    """Return how many signs of a kind there may be, in all, from where a match begins up to the first other sign.

    Args:
        pattern: The expression.
        signs: The kind, such as all digits.
    """

    def sign(possible: Signs) -> _Lead:
        return _Lead(2 if possible & signs else 0, 0 if possible and possible <= signs else 1)

    def refused(impossible: Signs) -> _Lead:
        return _Lead(0, 1) if signs <= impossible else _NOTHING

    lead: _Lead = read(pattern, _NOTHING, sign, refused)
    return lead.counts()


def _sums(ones: int, others: int) -> int:
    """Return all sums of a count of the one and a count of the other."""
    bits = 0
    while ones:
        lowest = ones & -ones
        bits |= others * lowest
        ones ^= lowest
    return bits & _ANY | (1 << MOST if bits > _ANY else 0)
