"""One text's search: candidates tried, what they cost, and what was found."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence

from turnlog.processors.redaction.gate import Hit
from turnlog.processors.redaction.rules import Rule
from turnlog.processors.redaction.span import Span

UNLESS_BEFORE = 14
"""Characters before a match in which a word may say that it is something else."""

WORD_LENGTH = 8
"""Where a word behind a match ends is known, and it is taken to be so long."""

LONGEST = 80
"""Characters that a match near a word may have before it is looked at again without a limit."""

REACH_BEFORE, REACH_BEHIND = 32, 56
"""Characters before and behind a word's end in which a match near it may start or end."""

REFUSALS_ALLOWED = 5_000
CHARACTERS_PER_REFUSAL = 80
"""So many candidates of a text may turn out to be nothing, and one more for so many characters."""

_DIGIT = re.compile("[0-9]")


class GaveUpError(Exception):
    """A text took more than it is worth: too many candidates that are nothing, or too much time."""


class Search:
    """The search of one text.

    Args:
        text: The text.
        ends: Where words end, by their list, in order.
        in_time: Tells whether there is time left.
    """

    def __init__(self, text: str, ends: Mapping[str, Sequence[int]], in_time: Callable[[], bool]) -> None:
        self.spans: list[Span] = []
        self._text = text
        self._ends = ends
        self._in_time = in_time
        self._left = REFUSALS_ALLOWED + len(text) // CHARACTERS_PER_REFUSAL
        self._tried: set[tuple[object, int]] = set()
        self._last: dict[str, tuple[int, int]] = {}

    def at_gates(self, hits: Sequence[Hit], gated: Sequence[Sequence[Rule]]) -> None:
        """Try rules where their gates hit.

        Raises:
            GaveUpError: If it takes too much.
        """
        for index, start, _ in hits:
            if (index, start) in self._tried:
                continue
            self._tried.add((index, start))
            self._check_time()
            for rule in gated[index]:
                low, high = self._last.get(rule.name, (0, 0))
                if low <= start < high or (rule.context and not self._occurs(rule.context)):
                    continue
                match = rule.pattern.match(self._text, start)
                if match is None and rule.seek:
                    match = rule.pattern.search(self._text, max(0, start - rule.back), start + rule.seek)
                self._take(rule, match, check_context=bool(rule.context))

    def near_words(
        self, words: Sequence[Hit], near: Sequence[Sequence[Rule]], needs: Sequence[re.Pattern[str]]
    ) -> None:
        """Try rules near words that they ask for.

        Args:
            words: The words.
            near: For each word list its rules.
            needs: For each word list what must be found near a word if one of the rules is to match.

        Raises:
            GaveUpError: If it takes too much.
        """
        for index, _, end in words:
            # Whatever stands near a word has a digit in it, and most of it has many.
            if (
                not near[index]
                or not _DIGIT.search(self._text, max(0, end - REACH_BEFORE), end + REACH_BEHIND)
                or not needs[index].search(
                    self._text, max(0, end - REACH_BEFORE - LONGEST), end + REACH_BEHIND + LONGEST
                )
            ):
                continue
            self._check_time()
            for rule in near[index]:
                for match in _near(rule, self._text, end):
                    self._take(rule, match, check_context=False)

    def alone(self, rules: Sequence[Rule], start: int, end: int) -> None:
        """Try rules on what is all of the text.

        Raises:
            GaveUpError: If it takes too much.
        """
        for rule in rules:
            match = rule.pattern.fullmatch(self._text, start, end)
            if match is not None:
                self._take(rule, match, check_context=False)

    def _check_time(self) -> None:
        if not self._in_time():
            raise GaveUpError

    def _occurs(self, words: Sequence[str]) -> bool:
        return any(word in self._ends for word in words)

    def _take(self, rule: Rule, match: re.Match[str] | None, *, check_context: bool) -> None:
        if match is not None:
            if (rule.name, match.start()) in self._tried:
                return
            self._tried.add((rule.name, match.start()))
        if match is not None and (span := _span(rule, match, self._text, self._ends, check_context=check_context)):
            self.spans.append(span)
            self._last[rule.name] = (match.start(), span.end)
            return
        self._left -= 1
        if self._left < 0:
            raise GaveUpError


def _span(
    rule: Rule, match: re.Match[str], text: str, ends: Mapping[str, Sequence[int]], *, check_context: bool
) -> Span | None:
    """Return what a match is, if all that its rule asks for is there."""
    low, high = match.span(rule.group)
    if rule.unless and _ends_within(ends, rule.unless, low - UNLESS_BEFORE, low + 1):
        return None
    if check_context and not (
        _ends_within(ends, rule.context, low - rule.before, low + 1)
        or _ends_within(ends, rule.context, high + 2, high + rule.after + WORD_LENGTH)
    ):
        return None
    taken = rule.validator(match, text)
    if taken is None:
        return None
    return Span(
        low, high if taken.end is None else taken.end, rule.type, rule.name, rule.score, taken.value, rule.subtype
    )


def _ends_within(ends: Mapping[str, Sequence[int]], words: Sequence[str], low: int, high: int) -> bool:
    """Tell whether a word of these lists ends in a stretch; its end may include the sign behind it."""
    for word in words:
        places = ends.get(word)
        if places and (index := bisect_left(places, low)) < len(places) and places[index] <= high:
            return True
    return False


def _near(rule: Rule, text: str, end: int) -> Iterator[re.Match[str]]:
    """Find a rule's matches near a word that ends here."""
    # The sign behind a word counts as the word's, but may be the first of what follows.
    first, last = max(0, end - 1), end + rule.before
    if _DIGIT.search(text, first, last):
        stop = last + LONGEST
        for match in rule.pattern.finditer(text, first, stop):
            if match.start() > last:
                break
            if match.end() == stop and (whole := rule.pattern.match(text, match.start())) is not None:
                yield whole
            else:
                yield match
    start = max(0, end - WORD_LENGTH - rule.after)
    if rule.after and _DIGIT.search(text, start, end):
        for match in rule.pattern.finditer(text, max(0, start - LONGEST), end):
            if match.end() >= start:
                yield match
