"""A stretch of text that a rule found, and which of two overlapping ones wins."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Span(NamedTuple):
    """Part of a text: ``text[start:end]``.

    Attributes:
        start: Index of its first character.
        end: Index behind its last.
        type: What it is: EMAIL, PHONE, CARD, IBAN, IP, GOV_ID, SECRET …
        rule: Which rule found it.
        score: How sure the rule is, 0 to 1.
        value: The canonical form that pseudonyms are made of, so that two spellings of one number are one person; empty
            for the text itself.
        subtype: What kind of its type, such as ``br_cpf`` or ``github``; empty where there is only one.
    """

    start: int
    end: int
    type: str
    rule: str = ""
    score: float = 1.0
    value: str = ""
    subtype: str = ""


def resolve(spans: Iterable[Span]) -> Sequence[Span]:
    """Return the spans without overlaps, in order: the surer wins, then the longer, then the earlier."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda each: (-each.score, each.start - each.end, each.start)):
        place = bisect_left(kept, span.start, key=_start)
        free = place == len(kept) or kept[place].start >= span.end
        if free and (place == 0 or kept[place - 1].end <= span.start):
            kept.insert(place, span)
    return kept


def apart_from(spans: Iterable[Span], taken: Sequence[tuple[int, int]]) -> list[Span]:
    """Return the spans that touch none of these stretches (start, end), which are in order and don't overlap."""
    kept = []
    for span in spans:
        place = bisect_left(taken, (span.end, 0))
        if place == 0 or taken[place - 1][1] <= span.start:
            kept.append(span)
    return kept


def _start(span: Span) -> int:
    return span.start
