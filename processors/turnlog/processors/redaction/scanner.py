"""Finds personal data and secrets in a text."""

from __future__ import annotations

import re
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from itertools import accumulate

from turnlog.processors.redaction.folding import Folded, fold
from turnlog.processors.redaction.gate import Hit
from turnlog.processors.redaction.models import Model
from turnlog.processors.redaction.rules import Ruleset, builtin
from turnlog.processors.redaction.search import (
    LONGEST,
    GaveUpError,
    Place,
    Search,
    Stays,
    has_digit_before,
    may_be_near,
)
from turnlog.processors.redaction.sieve import Sieve
from turnlog.processors.redaction.span import Span, apart_from, resolve

_NUMBER = r"\s{0,8}(?P<it>(?=[^0-9]{0,12}[0-9])[0-9A-Za-z][0-9A-Za-z .,:/()-]{2,30}[0-9A-Za-z])[\s.!;,]{0,8}"
_ALONE = re.compile(_NUMBER)
"""A text that is one number, as an answer to the question for it is."""

_ALONE_QUOTED = re.compile(rf'(?:^|["\0]){_NUMBER}(?:["\0]|$)')

ALONE_LENGTH = 48
"""Characters that it has at most."""

UNSCANNABLE = "WITHHELD"
"""Type of the one span, all of a text, that stands for a text made to cost more time than it is worth."""

TOKEN = re.compile(r"<(?:[A-Z][A-Z_]{1,31}:k[0-9]{1,9}-[0-9a-f]{8,32}|SECRET:[a-z0-9_]{1,40}|WITHHELD)>")
"""What redaction itself writes; found again, it is left alone."""


class Scanner:
    """Applies a ruleset; not to be used by two threads at once.

    Args:
        ruleset: The rules.
        seconds: How long one text may take; what takes longer counts as not scanned. None for no limit: what is found
            then depends on the text alone.
        clock: Tells the time in seconds.
        models: Find what rules can't, in every text; what they raise, a scan raises.

    Attributes:
        stays: Tells whether something that was found in a text stays as it is; None where nothing does.

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
        self.stays: Stays | None = None
        self._models = models
        self._seconds = seconds
        self._clock = clock
        self._sieve = Sieve(ruleset.rules, ruleset.words)
        self._alone = [index for index, rule in enumerate(self._sieve.rules) if rule.alone]

    def suspects(self, texts: Sequence[str]) -> Sequence[bool]:
        """Tell of each text, in one pass over all of them, whether any rule could match in it; False is certain.

        A text may hold several between quotes.
        """
        sieve = self._sieve
        datas = [text.encode("utf-8", "surrogatepass") for text in texts]
        # No rule's match in one text is hidden by its neighbours: the zero character ends words as an end of text does.
        joined = b"\0".join(datas)
        hits = None if self._models else sieve.every_hit(joined)
        if hits is None:
            return [True] * len(texts)
        found = [_may_be_alone(text) for text in texts]
        ends = [*accumulate(len(data) + 1 for data in datas)]
        if any(hit[0] == sieve.folding for hit in hits):
            found = [known or sieve.needs_folding(data) for known, data in zip(found, datas, strict=True)]
        for hit in hits:
            place = bisect_right(ends, hit[2] - 1)
            if not found[place]:
                found[place] = sieve.is_wanted(hit, joined, ends[place] - len(datas[place]) - 1, ends[place])
        return found

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
        hits, folded, plain = self._sieve.hits(data), None, text
        if hits and len(data) != len(text) and any(hit[0] == self._sieve.folding for hit in hits):
            folded = fold(text)
            if folded is None:
                return _unscannable(text)
            plain, data = folded.text, folded.text.encode("utf-8", "surrogatepass")
            hits = self._sieve.hits(data)
        spans = None if hits is None else self._found(plain, _in_characters(data, hits, len(plain)))
        if spans is None:
            return _unscannable(text)
        return spans if folded is None or not spans else _unfolded(spans, folded)

    def _found(self, text: str, hits: Sequence[Hit]) -> Sequence[Span] | None:
        """Return what was found, or None if the search gave up."""
        whole = _ALONE.fullmatch(text) if len(text) <= LONGEST else None
        if not hits and whole is None:
            return ()
        tasks, ends = self._tasks(text, hits)
        low, high = (0, 0) if whole is None else whole.span("it")
        for index in self._alone if whole is not None else ():
            least, most = self._sieve.rules[index].width
            if least <= high - low <= most:
                tasks.setdefault(index, ([], []))
        if not tasks:
            return ()
        walls = [match.span() for match in TOKEN.finditer(text)] if "<" in text else ()
        search = Search(text, ends, self._timer(), walls, self.stays)
        try:
            for index in sorted(tasks):
                search.try_rule(self._sieve.rules[index], *tasks[index], (low, high))
        except GaveUpError:
            return None
        return search.found()

    def _tasks(
        self, text: str, hits: Sequence[Hit]
    ) -> tuple[dict[int, tuple[list[int], list[Place]]], dict[str, list[int]]]:
        """Return where to try which rules, by their indices: at gates and near words; and where words end."""
        sieve = self._sieve
        gated, near, first_word, folding = sieve.gated, sieve.near, len(sieve.gated), sieve.folding
        tasks: dict[int, tuple[list[int], list[Place]]] = {}
        ends: dict[str, list[int]] = {}
        seen: set[tuple[int, int]] = set()
        for index, start, end in hits:
            # A gate may hit up to several places from one; two words of a list may end together.
            key = (index, start if index < first_word else end)
            if key in seen:
                continue
            seen.add(key)
            if index < first_word:
                for rule in gated[index]:
                    if rule in tasks:
                        tasks[rule][0].append(start)
                    else:
                        tasks[rule] = ([start], [])
            elif index < folding:
                word = index - first_word
                ends.setdefault(sieve.words[word], []).append(end)
                if near[word] and may_be_near(text, end, sieve.near_needs[word]):
                    place = (end, len(near[word]), has_digit_before(text, end, sieve.farthest))
                    fitting = sieve.fitting[word]
                    for rule in near[word] if fitting is None else fitting.near(text, end):
                        if rule in tasks:
                            tasks[rule][1].append(place)
                        else:
                            tasks[rule] = ([], [place])
        return tasks, ends

    def _timer(self) -> Callable[[], bool] | None:
        if self._seconds is None:
            return None
        clock, late = self._clock, self._clock() + self._seconds
        return lambda: clock() <= late


def _unscannable(text: str) -> Sequence[Span]:
    return (Span(0, len(text), UNSCANNABLE, "too_many_candidates"),)


def _in_characters(data: bytes, hits: Sequence[Hit], length: int) -> Sequence[Hit]:
    """Return hits with places in characters instead of bytes."""
    if not hits or len(data) == length:
        return hits
    found: dict[int, int] = {}
    known = characters = 0
    for offset in sorted({place for _, start, end in hits for place in (start, end)}):
        whole = offset
        while known < whole < len(data) and data[whole] & 0xC0 == 0x80:
            whole -= 1
        characters += len(data[known:whole].decode("utf-8", "surrogatepass"))
        known = whole
        found[offset] = characters
    return [(index, found[start], found[end]) for index, start, end in hits]


def _unfolded(spans: Iterable[Span], folded: Folded) -> list[Span]:
    return [
        span._replace(
            start=folded.start(span.start),
            end=folded.end(span.end),
            value=span.value or folded.text[span.start : span.end],
        )
        for span in spans
    ]


def _may_be_alone(text: str) -> bool:
    return (len(text) <= ALONE_LENGTH and _ALONE.fullmatch(text) is not None) or (
        '"' in text and _ALONE_QUOTED.search(text) is not None
    )


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
