"""Which of many rules may match near a word, told by how many digits or letters in a row begin there."""

from __future__ import annotations

import re
from collections.abc import Sequence

from turnlog.processors.redaction.leads import MOST, leads
from turnlog.processors.redaction.needs import DIGIT_SIGNS, LETTER_SIGNS
from turnlog.processors.redaction.rules import Rule
from turnlog.processors.redaction.search import LONGEST, WORD_LENGTH
from turnlog.processors.redaction.starts import NUMBER

_AHEAD = 16
"""Characters without a digit at most between the letters that a match begins with and its first digit."""

_RUNS = re.compile(rf"(\()|(?<![0-9])([0-9]+)|(?<![0-9A-Za-z])([A-Za-z]+)(?=[^0-9]{{0,{_AHEAD}}}[0-9])")
_BRACKET, _DIGITS, _LETTERS = 1, 2, 3


class Fitting:
    """The rules that are tried near the words of one list.

    Args:
        rules: All rules.
        indices: Which of them.
    """

    def __init__(self, rules: Sequence[Rule], indices: Sequence[int]) -> None:
        chosen = [(index, rules[index]) for index in indices]
        self._before = max(rule.before for _, rule in chosen)
        self._behind = WORD_LENGTH + max(rule.after for _, rule in chosen) + LONGEST
        self._always = [index for index, rule in chosen if rule.begins is None]
        begun = [(index, rule) for index, rule in chosen if rule.begins is not None]
        self._by_count = {
            kind: [[index for index, rule in begun if _may_begin(rule, kind, count)] for count in range(MOST + 1)]
            for kind in (_BRACKET, _DIGITS, _LETTERS)
        }

    def near(self, text: str, end: int) -> set[int]:
        """Return the rules that may match near a word that ends here, as indices."""
        found, last = set(self._always), end + self._before
        # A run that begins within reach counts whole.
        for match in _RUNS.finditer(text, max(0, end - self._behind), last + MOST):
            begin, stop = match.span()
            if begin > last:
                break
            found.update(self._by_count[match.lastindex or 0][min(stop - begin, MOST)])
        return found


def _may_begin(rule: Rule, kind: int, count: int) -> bool:
    pattern = rule.pattern.pattern
    if kind == _LETTERS:
        return rule.begins is not NUMBER and count in leads(pattern, LETTER_SIGNS)
    return (0 if kind == _BRACKET else count) in leads(pattern, DIGIT_SIGNS)
