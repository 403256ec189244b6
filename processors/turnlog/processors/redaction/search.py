"""One text's search: candidates tried, the surest rules' first, what they cost, and what was found."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Mapping, Sequence

from turnlog.processors.redaction.rules import Rule
from turnlog.processors.redaction.span import Span
from turnlog.processors.redaction.starts import Starts

UNLESS_BEFORE = 14
"""Characters before a match in which a word may say that it is something else."""

WORD_LENGTH = 8
"""Where a word behind a match ends is known, and it is taken to be so long."""

LONGEST = 80
"""Characters that a match near a word may have before it is looked at again without a limit."""

REACH_BEFORE, REACH_BEHIND = 32, 56
"""Characters before and behind a word's end in which a match near it may start or end."""

WORK_ALLOWED = 6_000
CHARACTERS_PER_WORK = 160
"""A text may take so much work, and one more for so many characters."""

FOUND, REFUSED = 1, 2
"""What a candidate takes that is something, and one that turns out to be nothing."""

Place = tuple[int, int, bool]
"""Where a word ends; how many rules are tried near such words, for what few ask for says more than what many do; and
whether there is a digit before its end."""

NO_WORD: Place = (0, 0, False)
_DIGIT = re.compile("[0-9]")


class GaveUpError(Exception):
    """A text took more than it is worth: too many candidates that are nothing, or too much time."""


Stays = Callable[[Span, str], bool]


class Search:
    """The search of one text.

    Rules are to be tried in the order of their scores, the surest first: a candidate that begins in what a surer rule
    found could only lose to it, and is not looked at.

    Args:
        text: The text.
        ends: Where words end, by their list, in order.
        in_time: Tells whether there is time left; None if there is no limit.
        walls: Stretches (start, end) that nothing found may touch, in order, none overlapping another.
        stays: Tells whether something that was found stays as it is. What only overlaps with it is not let through with
            it; what lies within it and is no surer is, for it is the same text taken for something else. But a web
            address may hold anything.
    """

    def __init__(
        self,
        text: str,
        ends: Mapping[str, Sequence[int]],
        in_time: Callable[[], bool] | None,
        walls: Sequence[tuple[int, int]] = (),
        stays: Stays | None = None,
    ) -> None:
        self._text = text
        self._ends = ends
        self._in_time = in_time
        self._left = WORK_ALLOWED + len(text) // CHARACTERS_PER_WORK
        # What is settled: nothing that is surer can come any more.
        self._starts = [start for start, _ in walls]
        self._stops = [end for _, end in walls]
        self._spans: list[Span | None] = [None for _ in walls]
        # What equally sure rules found, of which the longest is to win.
        self._score = 1.0
        self._equals: list[tuple[int, int, Place, int, Span]] = []
        self._numbers = Starts(text)
        self._stays = stays
        self._staying: list[tuple[int, int]] = []

    def try_rule(
        self, rule: Rule, starts: Sequence[int], places: Sequence[Place], alone: tuple[int, int] = (0, 0)
    ) -> None:
        """Try a rule where it may match.

        Args:
            rule: The rule.
            starts: Where its gates hit.
            places: Words near which it is tried.
            alone: The stretch that is all of the text, if there is one.

        Raises:
            GaveUpError: If it takes too much.
        """
        if rule.score != self._score:
            self._settle()
            self._score = rule.score
        if starts:
            self._at_gate(rule, starts)
        if places:
            self._near_words(rule, places)
        if rule.alone and alone[1] and (match := rule.pattern.fullmatch(self._text, *alone)) is not None:
            self._take(rule, match, check_context=False)

    def _at_gate(self, rule: Rule, starts: Sequence[int]) -> None:
        if rule.context and not any(word in self._ends for word in rule.context):
            return
        text, match_at, seek = self._text, rule.pattern.match, rule.seek
        is_whole = not seek and rule.group == 0
        tried: set[int] = set()
        low = high = 0
        for start in starts:
            self._check_time()
            if low <= start < high or (is_whole and self._starts and self._is_taken(start)):
                continue
            match = match_at(text, start)
            if match is None and seek:
                match = rule.pattern.search(text, max(0, start - rule.back), start + seek)
            if match is None:
                self._work(REFUSED)
                continue
            begin = match.start()
            if begin in tried:
                continue
            tried.add(begin)
            end = self._take(rule, match, check_context=bool(rule.context))
            if end:
                low, high = begin, end

    def _near_words(self, rule: Rule, places: Sequence[Place]) -> None:
        text, match_at = self._text, rule.pattern.match
        tried: set[int] = set()
        for place in places:
            self._check_time()
            end = place[0]
            # The sign behind a word counts as the word's, but may be the first of what follows.
            first, last = end - 1 if end else 0, end + rule.before
            stop = last + LONGEST
            for match in self._matches(rule, first, first, last, stop):
                begin = match.start()
                if begin in tried:
                    continue
                tried.add(begin)
                whole = match_at(text, begin) if match.end() == stop else None
                self._take(rule, whole or match, check_context=False, place=place)
            if not rule.after or not place[2]:
                continue
            start = max(0, end - WORD_LENGTH - rule.after)
            for match in self._matches(rule, max(0, start - LONGEST), start, end, end):
                if match.end() >= start and match.start() not in tried:
                    tried.add(match.start())
                    self._take(rule, match, check_context=False, place=place)

    def _matches(self, rule: Rule, first: int, low: int, last: int, stop: int) -> Sequence[re.Match[str]]:
        """Find a rule's matches that begin from ``first`` to ``last`` and end before ``stop``.

        There are none without a digit from ``low`` on.
        """
        text = self._text
        if rule.begins is None:
            if _DIGIT.search(text, low, last) is None:
                return ()
            return [match for match in rule.pattern.finditer(text, first, stop) if match.start() <= last]
        starts = self._numbers.between(rule.begins, first, last)
        if not starts or _DIGIT.search(text, low, last) is None:
            return ()
        match_at, free, found = rule.pattern.match, 0, []
        for start in starts:
            if start >= free and (match := match_at(text, start, stop)) is not None:
                free = match.end()
                found.append(match)
        return found

    def found(self) -> Sequence[Span]:
        """Return what was found, in order, none overlapping another."""
        self._settle()
        return [span for span in self._spans if span is not None]

    def _settle(self) -> None:
        """Keep of equally sure spans the longest, then the first, then the one at a gate or at the first word."""
        equals = self._equals
        if len(equals) > 1:
            equals.sort()
        for *_, span in equals:
            start, end = span[0], span[1]
            if self._stays is not None and self._does_stay(span, self._stays):
                continue
            place = bisect_left(self._starts, end)
            if place == 0 or self._stops[place - 1] <= start:
                self._starts.insert(place, start)
                self._stops.insert(place, end)
                self._spans.insert(place, span)
        equals.clear()

    def _does_stay(self, span: Span, stays: Stays) -> bool:
        if stays(span, self._text):
            if span.type != "URL":
                insort(self._staying, (span.start, span.end))
            return True
        place = bisect_right(self._staying, (span.start, len(self._text)))
        return place > 0 and self._staying[place - 1][1] >= span.end

    def _is_taken(self, index: int) -> bool:
        place = bisect_right(self._starts, index)
        return place > 0 and self._stops[place - 1] > index

    def _check_time(self) -> None:
        if self._in_time is not None and not self._in_time():
            raise GaveUpError

    def _work(self, amount: int) -> None:
        self._left -= amount
        if self._left < 0:
            raise GaveUpError

    def _take(self, rule: Rule, match: re.Match[str], *, check_context: bool, place: Place = NO_WORD) -> int:
        """Keep what a match is, if all that its rule asks for is there; return its end, or 0 if it is nothing."""
        low, high = match.span(rule.group)
        if self._starts and self._is_taken(low):
            return 0
        ends = self._ends
        taken = None
        if not (rule.unless and ends and _ends_within(ends, rule.unless, low - UNLESS_BEFORE, low + 1)) and (
            not check_context
            or _ends_within(ends, rule.context, low - rule.before, low + 1)
            or _ends_within(ends, rule.context, high + 2, high + rule.after + WORD_LENGTH)
        ):
            taken = rule.validator(match, self._text)
        if taken is None:
            self._work(REFUSED)
            return 0
        self._work(FOUND)
        value, end = taken
        if end is None:
            end = high
        span = Span(low, end, rule.type, rule.name, rule.score, value, rule.subtype)
        self._equals.append((low - end, low, place, len(self._equals), span))
        return end


def has_digit_before(text: str, end: int, after: int) -> bool:
    """Tell whether a rule that matches up to so many characters before a word may do so before one that ends here."""
    return _DIGIT.search(text, max(0, end - WORD_LENGTH - after), end) is not None


def may_be_near(text: str, end: int, need: re.Pattern[str]) -> bool:
    """Tell whether near a word that ends here there is what its rules need."""
    # Whatever stands near a word has a digit in it, and most of it has many.
    return (
        _DIGIT.search(text, max(0, end - REACH_BEFORE), end + REACH_BEHIND) is not None
        and need.search(text, max(0, end - REACH_BEFORE - LONGEST), end + REACH_BEHIND + LONGEST) is not None
    )


def _ends_within(ends: Mapping[str, Sequence[int]], words: Sequence[str], low: int, high: int) -> bool:
    """Tell whether a word of these lists ends in a stretch; its end may include the sign behind it."""
    for word in words:
        places = ends.get(word)
        if places and (index := bisect_left(places, low)) < len(places) and places[index] <= high:
            return True
    return False
