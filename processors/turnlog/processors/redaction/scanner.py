"""Finds personal data and secrets in a text."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

from turnlog.processors.redaction.folding import NEEDED, Folded, fold
from turnlog.processors.redaction.gate import Expression, Gate, Hit, Report
from turnlog.processors.redaction.rules import Rule, Ruleset, builtin
from turnlog.processors.redaction.span import Span, apart_from, resolve

UNLESS_BEFORE = 14
"""Characters before a match in which a word may say that it is something else."""

WORD_LENGTH = 8
"""Where a word behind a match ends is known, and it is taken to be so long."""

REACH_BEFORE, REACH_BEHIND = 32, 56
"""Characters before and behind a word's end in which a match near it may start or end."""

LONGEST = 80
"""Characters that a match near a word may have."""

_ALONE = re.compile(r"\s{0,8}(?P<it>(?=[^0-9]{0,12}[0-9])[0-9A-Za-z][0-9A-Za-z .,:/()-]{2,30}[0-9A-Za-z])[\s.!;,]{0,8}")
"""A text that is one number, as an answer to the question for it is."""

UNSCANNABLE = "WITHHELD"
"""Type of the one span, all of a text, that stands for a text made to cost more time than it is worth."""

REFUSALS_ALLOWED = 5_000
CHARACTERS_PER_REFUSAL = 40
"""So many candidates of a text may turn out to be nothing, and one more for so many characters."""

TOKEN = re.compile(r"<(?:[A-Z][A-Z_]{1,31}:k[0-9]{1,9}-[0-9a-f]{8,32}|SECRET:[a-z0-9_]{1,40}|WITHHELD)>")
"""What redaction itself writes; found again, it is left alone."""


class Scanner:
    """Applies a ruleset; not to be used by two threads at once.

    Args:
        ruleset: The rules.

    Raises:
        SettingError: If a rule's gate does not compile.
    """

    def __init__(self, ruleset: Ruleset) -> None:
        self.ruleset = ruleset
        by_gate: dict[Expression, list[Rule]] = {}
        for rule in ruleset.rules:
            for gate in rule.gates:
                by_gate.setdefault(gate, []).append(rule)
        self._gated = [*by_gate.values()]
        self._gate = Gate([*by_gate])
        self._fold_gate = _fold_gate()
        words = sorted({word for rule in ruleset.rules for word in (*rule.context, *rule.unless)})
        self._words = words
        self._word_gate = Gate([Expression(ruleset.words[word], caseless=True, report=Report.END) for word in words])
        self._near = [[rule for rule in ruleset.rules if not rule.gates and word in rule.context] for word in words]
        self._alone = [rule for rule in ruleset.rules if rule.alone]

    def may_match(self, text: str) -> bool:
        """Tell whether any rule could match; False is certain."""
        data = text.encode("utf-8", "surrogatepass")
        if self._gate.hits(data) != [] or (len(data) != len(text) and self._fold_gate.hits(data) != []):
            return True
        words = self._word_gate.hits(data)
        return words is None or any(self._near[word] for word, _, _ in words) or _ALONE.search(text) is not None

    def scan(self, text: str) -> Sequence[Span]:
        """Return what was found, in order and without overlaps; time is linear in the text's length.

        A text in which so much looks like something and is nothing that it can only be made to cost time is one span of
        type ``WITHHELD``: it counts as not scanned.
        """
        data = text.encode("utf-8", "surrogatepass")
        if len(data) != len(text) and self._fold_gate.hits(data) != []:
            folded = fold(text)
            return self._scan(folded.text, folded.text.encode("utf-8", "surrogatepass"), folded)
        return self._scan(text, data, None)

    def _scan(self, text: str, data: bytes, folded: Folded | None) -> Sequence[Span]:
        hits, words = self._gate.hits(data), self._word_gate.hits(data)
        if hits is None or words is None:
            spans: Sequence[Span] | None = None
        elif hits or any(self._near[word[0]] for word in words):
            spans = self._found(text, *_in_characters(data, hits, words, len(text)))
        else:
            spans = self._found(text, (), ()) if len(text) <= LONGEST and _ALONE.fullmatch(text) else ()
        if spans is None:
            length = len(text) if folded is None else folded.end(len(text))
            return (Span(0, length, UNSCANNABLE, "too_many_candidates"),)
        return spans if folded is None else _unfolded(spans, folded)

    def _found(self, text: str, hits: Sequence[Hit], words: Sequence[Hit]) -> Sequence[Span] | None:
        """Return what was found, or None if there was too much that turned out to be nothing."""
        ends: dict[str, list[int]] = {}
        for index, _, end in words:
            ends.setdefault(self._words[index], []).append(end)
        spans: list[Span] = []
        refusals, most = 0, REFUSALS_ALLOWED + len(text) // CHARACTERS_PER_REFUSAL
        tried: set[tuple[int, int]] = set()
        for index, start, _ in hits:
            if (index, start) in tried:
                continue
            tried.add((index, start))
            for rule in self._gated[index]:
                if rule.context and not any(word in ends for word in rule.context):
                    continue
                match = rule.pattern.match(text, start)
                if match is None and rule.seek:
                    match = rule.pattern.search(text, max(0, start - rule.back), start + rule.seek)
                span = None if match is None else _span(rule, match, text, ends, check_context=bool(rule.context))
                if span is not None:
                    spans.append(span)
                elif (refusals := refusals + 1) > most:
                    return None
        for index, _, end in words:
            rules = self._near[index]
            # Whatever stands near a word has a digit in it.
            if not rules or not _DIGIT.search(text, max(0, end - REACH_BEFORE), end + REACH_BEHIND):
                continue
            for rule in rules:
                for match in _near(rule, text, end):
                    if (id(rule), match.start()) in tried:
                        continue
                    tried.add((id(rule), match.start()))
                    span = _span(rule, match, text, ends, check_context=False)
                    if span is not None:
                        spans.append(span)
                    elif (refusals := refusals + 1) > most:
                        return None
        if len(text) <= LONGEST and (whole := _ALONE.fullmatch(text)):
            for rule in self._alone:
                match = rule.pattern.fullmatch(text, whole.start("it"), whole.end("it"))
                if match is not None and (span := _span(rule, match, text, ends, check_context=False)) is not None:
                    spans.append(span)
        if spans and "<" in text:
            spans = apart_from(spans, [match.span() for match in TOKEN.finditer(text)])
        return spans if len(spans) < 2 else resolve(spans)


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
    return Span(low, high if taken.end is None else taken.end, rule.type, rule.name, rule.score, taken.value, rule.subtype)


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


_DIGIT = re.compile("[0-9]")


def _in_characters(
    data: bytes, hits: Sequence[Hit], words: Sequence[Hit], length: int
) -> tuple[Sequence[Hit], Sequence[Hit]]:
    """Return hits and words with places in characters instead of bytes; ends of hits are left out."""
    if len(data) == length:
        return hits, words
    offsets = sorted({hit[1] for hit in hits} | {word[2] for word in words})
    found: dict[int, int] = {}
    known = characters = 0
    for offset in offsets:
        whole = offset
        while known < whole < len(data) and data[whole] & 0xC0 == 0x80:
            whole -= 1
        characters += len(data[known:whole].decode("utf-8", "surrogatepass"))
        known = whole
        found[offset] = characters
    return [(hit[0], found[hit[1]], 0) for hit in hits], [(word[0], 0, found[word[2]]) for word in words]


def _unfolded(spans: Iterable[Span], folded: Folded) -> list[Span]:
    return [
        span._replace(
            start=folded.start(span.start),
            end=folded.end(span.end),
            value=span.value or folded.text[span.start : span.end],
        )
        for span in spans
    ]


@cache
def _fold_gate() -> Gate:
    return Gate([Expression(NEEDED, report=Report.ONCE)])


@cache
def _builtin_scanner(options: frozenset[str]) -> Scanner:
    return Scanner(builtin(options))


def scan(text: str, options: frozenset[str] = frozenset()) -> Sequence[Span]:
    """Find personal data and secrets in a text by the rules that ship with turnlog.

    Args:
        text: Any text.
        options: Optional rules to apply as well: ``names``, ``addresses``.

    Returns:
        Spans (start, end, type, rule, score, value, subtype) in order, none overlapping another.
    """
    return _builtin_scanner(options).scan(text)
