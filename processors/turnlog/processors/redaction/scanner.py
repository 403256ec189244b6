"""Finds personal data and secrets in a text."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache

from turnlog.processors.redaction.folding import NEEDED, Folded, fold
from turnlog.processors.redaction.gate import Expression, Gate, Hit, Report
from turnlog.processors.redaction.models import Model
from turnlog.processors.redaction.rules import Ruleset, builtin
from turnlog.processors.redaction.search import LONGEST, GaveUpError, Search
from turnlog.processors.redaction.sieve import Sieve
from turnlog.processors.redaction.span import Span, apart_from, resolve

_ALONE = re.compile(r"\s{0,8}(?P<it>(?=[^0-9]{0,12}[0-9])[0-9A-Za-z][0-9A-Za-z .,:/()-]{2,30}[0-9A-Za-z])[\s.!;,]{0,8}")
"""A text that is one number, as an answer to the question for it is."""

ALONE_LENGTH = 48
"""Characters that it has at most."""

UNSCANNABLE = "WITHHELD"
"""Type of the one span, all of a text, that stands for a text made to cost more time than it is worth."""

TOKEN = re.compile(r"<(?:[A-Z][A-Z_]{1,31}:k[0-9]{1,9}-[0-9a-f]{8,32}|SECRET:[a-z0-9_]{1,40}|WITHHELD)>")
"""What redaction itself writes; found again, it is left alone."""


Exempt = Callable[[list[Span], str], list[Span]]


class Scanner:
    """Applies a ruleset; not to be used by two threads at once.

    Args:
        ruleset: The rules.
        seconds: How long one text may take; what takes longer counts as not scanned. None for no limit: what is found
            then depends on the text alone.
        clock: Tells the time in seconds.
        models: Find what rules can't, in every text; what they raise, a scan raises.

    Attributes:
        exempt: Takes what rules have found in a text, before it is known what of it wins over what, and returns what
            counts; None where all does.

    Raises:
        SettingError: If a rule's gate does not compile.
    """

    def __init__(
        self,
        ruleset: Ruleset,
        seconds: float | None = None,
        clock: Callable[[], float] = time.perf_counter,
        models: Sequence[Model] = (),
    ) -> None:
        stamps = "".join(f"+{model.version}" for model in models)
        self.ruleset = replace(ruleset, version=f"{ruleset.version}{stamps}") if models else ruleset
        self.exempt: Exempt | None = None
        self._models = models
        self._seconds = seconds
        self._clock = clock
        self._sieve = Sieve(ruleset.rules, ruleset.words)
        self._fold_gate = _fold_gate()
        self._alone = [rule for rule in ruleset.rules if rule.alone]

    def may_match(self, text: str) -> bool:
        """Tell whether any rule could match; False is certain."""
        if self._models:
            return True
        data = text.encode("utf-8", "surrogatepass")
        if len(data) != len(text) and self._fold_gate.hits(data) != []:
            return True
        found = self._sieve.hits(data)
        if found is None or found[0] or any(self._sieve.near[word] for word, _, _ in found[1]):
            return True
        # Between quotes or zero characters there may be a text that is one number.
        parts = text.replace('"', "\0").split("\0")
        return any(len(part) <= ALONE_LENGTH and _ALONE.fullmatch(part) for part in parts)

    def scan(self, text: str) -> Sequence[Span]:
        """Return what was found, in order and without overlaps; time is linear in the text's length.

        A text in which so much looks like something and is nothing that it can only be made to cost time is one span of
        type ``WITHHELD``: it counts as not scanned.
        """
        spans = self._by_rules(text)
        if not self._models or any(span.type == UNSCANNABLE for span in spans):
            return spans
        found = [span for model in self._models for span in model.find(text)]
        return resolve([*spans, *apart_from(found, [match.span() for match in TOKEN.finditer(text)])])

    def _by_rules(self, text: str) -> Sequence[Span]:
        data = text.encode("utf-8", "surrogatepass")
        if len(data) != len(text) and self._fold_gate.hits(data) != []:
            folded = fold(text)
            return self._scan(folded.text, folded.text.encode("utf-8", "surrogatepass"), folded)
        return self._scan(text, data, None)

    def _scan(self, text: str, data: bytes, folded: Folded | None) -> Sequence[Span]:
        found = self._sieve.hits(data)
        if found is None:
            spans: Sequence[Span] | None = None
        elif found[0] or any(self._sieve.near[word[0]] for word in found[1]):
            spans = self._found(text, *_in_characters(data, *found, len(text)))
        else:
            spans = self._found(text, (), ()) if len(text) <= LONGEST and _ALONE.fullmatch(text) else ()
        if spans is None:
            length = len(text) if folded is None else folded.end(len(text))
            return (Span(0, length, UNSCANNABLE, "too_many_candidates"),)
        return spans if folded is None else _unfolded(spans, folded)

    def _found(self, text: str, hits: Sequence[Hit], words: Sequence[Hit]) -> Sequence[Span] | None:
        """Return what was found, or None if the search gave up."""
        ends: dict[str, list[int]] = {}
        for index, _, end in words:
            ends.setdefault(self._sieve.words[index], []).append(end)
        search = Search(text, ends, self._timer())
        try:
            search.at_gates(hits, self._sieve.gated)
            search.near_words(words, self._sieve.near, self._sieve.near_needs)
            if len(text) <= LONGEST and (whole := _ALONE.fullmatch(text)):
                search.alone(self._alone, *whole.span("it"))
        except GaveUpError:
            return None
        spans = search.spans
        if spans and "<" in text:
            spans = apart_from(spans, [match.span() for match in TOKEN.finditer(text)])
        if spans and self.exempt is not None:
            spans = self.exempt(spans, text)
        return spans if len(spans) < 2 else resolve(spans)

    def _timer(self) -> Callable[[], bool]:
        if self._seconds is None:
            return _always
        clock, late = self._clock, self._clock() + self._seconds
        return lambda: clock() <= late


def _always() -> bool:
    return True


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
