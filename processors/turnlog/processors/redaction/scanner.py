"""Finds personal data and secrets in a text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from turnlog.processors.redaction.gate import Gate
from turnlog.processors.redaction.rules import Rule, Ruleset, builtin
from turnlog.processors.redaction.span import Span, apart_from, resolve

CONTEXT_BEFORE = 48
CONTEXT_AFTER = 16
"""Characters before and behind a match in which its context word may stand."""

UNLESS_BEFORE = 14
"""Characters before a match in which a word may say that it is something else."""

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
        rules = ruleset.rules
        contexts = list({rule.context.gate for rule in rules if rule.context})
        self._gate = Gate([rule.gate for rule in rules], contexts)
        # A rule that wants a context word is only tried where one occurs at all.
        self._needs = [len(rules) + contexts.index(rule.context.gate) if rule.context else -1 for rule in rules]

    def may_match(self, text: str) -> bool:
        """Tell whether any rule could match; False is certain."""
        return bool(self._candidates(text))

    def _candidates(self, text: str) -> list[int]:
        hits = self._gate.hits(text.encode("utf-8", "surrogatepass"))
        needs, count = self._needs, len(self._needs)
        return [each for each in hits if each < count and (needs[each] < 0 or needs[each] in hits)] if hits else hits

    def scan(self, text: str) -> Sequence[Span]:
        """Return what was found, in order and without overlaps; time is linear in the text's length."""
        if not text:
            return ()
        hits = self._candidates(text)
        if not hits:
            return ()
        rules = self.ruleset.rules
        spans = [span for index in sorted(hits) for span in _apply(rules[index], text)]
        if spans and "<" in text:
            spans = apart_from(spans, [match.span() for match in TOKEN.finditer(text)])
        return spans if len(spans) < 2 else resolve(spans)


def _apply(rule: Rule, text: str) -> list[Span]:
    found = []
    group: str | int = "it" if "it" in rule.pattern.groupindex else 0
    for match in rule.pattern.finditer(text):
        start, end = match.span(group)
        taken = rule.validator(match, text)
        if taken is None or (rule.unless and rule.unless.pattern.search(text, max(0, start - UNLESS_BEFORE), start)):
            continue
        if rule.context:
            near = rule.context.pattern
            if not (
                near.search(text, max(0, start - CONTEXT_BEFORE), start) or near.search(text, end, end + CONTEXT_AFTER)
            ):
                continue
        found.append(Span(start, taken.end or end, rule.type, rule.name, rule.score, taken.value))
    return found


@cache
def _builtin_scanner() -> Scanner:
    return Scanner(builtin())


def scan(text: str) -> Sequence[Span]:
    """Find personal data and secrets in a text by the rules that ship with turnlog.

    Returns:
        Spans (start, end, type, rule, score, value) in order, none overlapping another.
    """
    return _builtin_scanner().scan(text)
