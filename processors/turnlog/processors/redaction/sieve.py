"""Runs one gate over a text where that will do: most texts hold nothing, and one cheap pass says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from turnlog.processors.redaction.fitting import Fitting
from turnlog.processors.redaction.folding import NEEDED
from turnlog.processors.redaction.gate import Expression, Gate, Hit, Report
from turnlog.processors.redaction.needs import NUMBER, SHORT_NUMBER, TOKEN, digits_in, need, number
from turnlog.processors.redaction.rules import Rule
from turnlog.processors.redaction.search import LONGEST, REACH_BEFORE, REACH_BEHIND

SHORT = 160
"""Bytes up to which a first pass costs as much as it spares."""

_BYTES = 4
"""Bytes that a character may have."""

_MANY = 8
"""Rules of a word list from which on to try them all takes longer than to tell which of them may match."""

_FEW = 8
"""Rules up to which compiling takes longer than they will ever scan: tests of rules, one by one."""

_NOT_ASCII = r"[\x80-\xff]"
"""Hits wherever the expression does that says more exactly what needs folding, and compiles in no time."""

_SURE, _SHORT_NUMBER, _TOKEN = 1, 2, 4
"""Bits for what the first pass found: something that a rule may want, or what only few of them are content with."""


class Sieve:
    """Where the gates of rules hit and words of theirs stand; not to be used by two threads at once.

    The first pass tells whether there is a number, a long word, or what else a gate or a word's rule may want; only
    then every gate runs, now with the places of its hits, and the words are looked for.

    Args:
        rules: The rules.
        words: The gate expressions of each word list.

    Attributes:
        rules: The rules, the surest first.
        gated: For each gate the rules that it is for, as indices.
        words: The word lists' names.
        near: For each word list the rules that are tried near its words, as indices.
        fitting: The same for lists with many rules: which of them may match near one word; None for others.
        near_needs: For each word list an expression that hits in whatever one of these rules may match.
        farthest: How many characters behind a match a word of any rule may stand.
        folding: Index of the hits that say that the text needs folding first; those of gates are below, of words from
            ``len(gated)`` on.

    Raises:
        SettingError: If a rule's gate does not compile.
    """

    def __init__(self, rules: Sequence[Rule], words: Mapping[str, Sequence[str]]) -> None:
        self.rules = sorted(rules, key=lambda rule: -rule.score)
        by_gate: dict[Expression, list[int]] = {}
        for index, rule in enumerate(self.rules):
            for gate in rule.gates:
                by_gate.setdefault(gate, []).append(index)
        self.gated = list(by_gate.values())
        self.words = sorted({word for rule in rules for word in (*rule.context, *rule.unless)})
        self.near = [
            [index for index, rule in enumerate(self.rules) if not rule.gates and word in rule.context]
            for word in self.words
        ]
        self.fitting = [Fitting(self.rules, near) if len(near) > _MANY else None for near in self.near]
        self.near_needs = [_weakest(self.rules[index] for index in near) for near in self.near]
        self._byte_needs = [re.compile(each.pattern.encode()) for each in self.near_needs]
        self.farthest = max((rule.after for rule in rules), default=0)
        self.folding = len(self.gated) + len(self.words)
        ends = [
            (len(by_gate) + index, Expression(each, caseless=True, report=Report.END))
            for index, word in enumerate(self.words)
            for each in words[word]
        ]
        folding = Expression(_NOT_ASCII if len(rules) <= _FEW else NEEDED, report=Report.ONCE)
        self._folding = Gate([folding])
        self._every = Gate(
            [*by_gate, *(each for _, each in ends), folding],
            [*range(len(by_gate)), *(index for index, _ in ends), self.folding],
        )
        needs = {gate: need(gate.pattern, caseless=gate.caseless) for gate in by_gate}
        asked: dict[Expression | None, set[str]] = {each: set() for each in (None, NUMBER, TOKEN, SHORT_NUMBER)}
        for rule in rules:
            if not rule.gates:
                asked[_need_of(rule)].update(rule.context)
        once = {
            each: [gate._replace(report=Report.ONCE) for gate, its in needs.items() if its == each] for each in asked
        }
        wanted = [folding, NUMBER, *once[None], *_once(words, asked[None])]
        self._first = Gate([*wanted, TOKEN, SHORT_NUMBER], [*(_SURE for _ in wanted), _TOKEN, _SHORT_NUMBER])
        self._second = [
            (bit, Gate([*once[each], *_once(words, asked[each])]))
            for bit, each in ((_TOKEN, TOKEN), (_SHORT_NUMBER, SHORT_NUMBER))
        ]

    def hits(self, data: bytes) -> list[Hit] | None:
        """Return where gates hit and words stand, in the order of their ends, or None if that is too often.

        Nothing is looked for where nothing can be found.
        """
        if len(data) > SHORT:
            first = self._first.hits(data)
            if not first:
                return first
            found = 0
            for bit, _, _ in first:
                found |= bit
            # Years and long words are many, and hardly any of them is an identity or a key.
            if not found & _SURE and not any(found & bit and gate.hits(data) != [] for bit, gate in self._second):
                return []
        return self._every.hits(data)

    def every_hit(self, data: bytes) -> list[Hit] | None:
        """Return the same for what is many texts in one, in which there nearly always is something.

        That some of it needs folding is told once; which of the texts do, :meth:`needs_folding` tells.
        """
        return self._every.hits(data)

    def needs_folding(self, data: bytes) -> bool:
        """Tell whether a text must be folded before gates can hit what is in it."""
        return not data.isascii() and self._folding.hits(data) != []

    def is_wanted(self, hit: Hit, data: bytes, low: int, high: int) -> bool:
        """Tell whether a hit in a stretch of the data may lead to something there; a word needs a number near it."""
        index, _, end = hit
        word = index - len(self.gated)
        if word < 0 or index == self.folding:
            return True
        if not self.near[word]:
            return False
        scale = 1 if data.isascii() else _BYTES
        before, behind = scale * (REACH_BEFORE + LONGEST), scale * (REACH_BEHIND + LONGEST)
        need = self._byte_needs[word]
        return need.search(data, max(low, end - before), min(high, end + behind)) is not None


def _need_of(rule: Rule) -> Expression | None:
    return need(rule.pattern.pattern, caseless=bool(rule.pattern.flags & re.IGNORECASE))


def _weakest(rules: Iterable[Rule]) -> re.Pattern[str]:
    # Whatever is found near a word has a digit in it.
    return re.compile(number(max(1, min((digits_in(rule.pattern.pattern) for rule in rules), default=1))).pattern)


def _once(words: Mapping[str, Sequence[str]], names: Iterable[str]) -> list[Expression]:
    return [Expression(each, caseless=True, report=Report.ONCE) for name in sorted(names) for each in words[name]]
