"""A stretch of text that a rule found, and which of two overlapping ones wins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Span(NamedTuple):
    """Part of a text: ``text[start:end]``.

    Attributes:
        start: Index of its first character.
        end: Index behind its last.
        type: What it is: EMAIL, PHONE, CARD, IBAN, IP, SECRET …
        rule: Which rule found it.
        score: How sure the rule is, 0 to 1.
        value: The canonical form that pseudonyms are made of, so that two spellings of one number are one person; empty
            for the text itself.
    """

    start: int
    end: int
    type: str
    rule: str = ""
    score: float = 1.0
    value: str = ""


def resolve(spans: Iterable[Span]) -> Sequence[Span]:
    """Return the spans without overlaps, in order: the surer wins, then the longer, then the earlier."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda each: (-each.score, each.start - each.end, each.start)):
        if all(span.end <= other.start or span.start >= other.end for other in kept):
            kept.append(span)
    kept.sort()
    return kept
