"""Runs as few gates over a text as will do: most texts hold nothing, and one cheap pass says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from turnlog.processors.redaction.gate import Expression, Gate, Hit, Report
from turnlog.processors.redaction.needs import NUMBER, SHORT_NUMBER, TOKEN, need
from turnlog.processors.redaction.rules import Rule
from turnlog.processors.redaction.search import LONGEST, REACH_BEFORE, REACH_BEHIND

_NEEDS = {NUMBER: 1, TOKEN: 2, SHORT_NUMBER: 4}
SHORT = 160
"""Bytes up to which a first pass costs as much as it spares."""

_DIGIT = re.compile(rb"[0-9]")
_BYTES = 4
"""Bytes that a character may have."""

_OTHER, _WORD = 8, 16
"""Bits for what the first pass found: a need, a gate without one, a word whose rule has none."""


class Sieve:
    """Where the gates of rules hit and words of theirs stand; not to be used by two threads at once.

    The first pass tells whether there is a number, a long word, or what else a gate or a word's rule may want; only
    then the gates run that want it, now with the places of their hits, and the words are looked for.

    Args:
        rules: The rules.
        words: The gate expression of each word list.

    Attributes:
        gated: For each gate the rules that it is for.
        words: The word lists' names.
        near: For each word list the rules that are tried near its words.
        near_needs: For each word list an expression that hits in whatever one of these rules may match.

    Raises:
        SettingError: If a rule's gate does not compile.
    """

    def __init__(self, rules: Sequence[Rule], words: Mapping[str, str]) -> None:
        by_gate: dict[Expression, list[Rule]] = {}
        for rule in rules:
            for gate in rule.gates:
                by_gate.setdefault(gate, []).append(rule)
        by_need: dict[Expression | None, list[Expression]] = {each: [] for each in (None, *_NEEDS)}
        for gate in by_gate:
            by_need[need(gate.pattern, caseless=gate.caseless)].append(gate)
        self.gated = [by_gate[gate] for gates in by_need.values() for gate in gates]
        self.words = sorted({word for rule in rules for word in (*rule.context, *rule.unless)})
        self.near = [[rule for rule in rules if not rule.gates and word in rule.context] for word in self.words]
        self.near_needs = [_weakest(rules) for rules in self.near]
        self._byte_needs = [re.compile(each.pattern.encode()) for each in self.near_needs]
        asked: dict[Expression | None, set[str]] = {each: set() for each in by_need}
        for rule in rules:
            if not rule.gates:
                asked[_need_of(rule)].update(rule.context)
        self._first = Gate(
            [
                *_NEEDS,
                *(gate._replace(report=Report.ONCE) for gate in by_need[None]),
                *_once(words, asked[None]),
            ]
        )
        self._bits = [*_NEEDS.values(), *(_OTHER for _ in by_need[None]), *(_WORD for _ in asked[None])]
        base = 0
        gates: list[tuple[int, Gate]] = []
        for wanted, expressions in by_need.items():
            gates.append((_OTHER if wanted is None else _NEEDS[wanted], Gate(expressions, base)))
            base += len(expressions)
        word_gates = [(_NEEDS[each], Gate(_once(words, asked[each]))) for each in (TOKEN, SHORT_NUMBER)]
        # One pass for all of them costs less than two for some.
        self._every_gate = Gate([gate for expressions in by_need.values() for gate in expressions])
        self._plans = [
            _Plan(
                _one_of([gate for bit, gate in gates if bit & bits], self._every_gate),
                # So many rules ask for words near a number that looking for them first would cost as much again.
                bool(bits & _WORD or (bits & _NEEDS[NUMBER] and asked[NUMBER])),
                [gate for bit, gate in word_gates if bit & bits],
            )
            for bits in range(2 * _WORD)
        ]
        self._word_gate = Gate([Expression(words[word], caseless=True, report=Report.END) for word in self.words])

    def hits(self, data: bytes) -> tuple[list[Hit], list[Hit]] | None:
        """Return where gates hit, and where words stand in the order of their ends, or None if that is too often.

        Words are left out where no rule could ask for them, or what it asks for stands near none.
        """
        if len(data) <= SHORT:
            return self._with_words(self._every_gate.hits(data), data, words=_DIGIT.search(data) is not None)
        found = self._first.hits(data)
        if not found:
            return None if found is None else ([], [])
        bits = 0
        for index, _, _ in found:
            bits |= self._bits[index]
        plan = self._plans[bits]
        hits = plan.gate.hits(data) if plan.gate else []
        words = plan.words or bool(hits) or any(gate.hits(data) != [] for gate in plan.word_gates)
        return self._with_words(hits, data, words=words)

    def _with_words(self, hits: list[Hit] | None, data: bytes, *, words: bool) -> tuple[list[Hit], list[Hit]] | None:
        if hits is None:
            return None
        if not hits and not words:
            return [], []
        places = self._word_gate.hits(data)
        if places is None:
            return None
        return (hits, places) if hits or self._may_be_near(places, data) else ([], [])

    def _may_be_near(self, places: Sequence[Hit], data: bytes) -> bool:
        """Tell whether near any word there is what its rules need."""
        scale = 1 if data.isascii() else _BYTES
        before, behind = scale * (REACH_BEFORE + LONGEST), scale * (REACH_BEHIND + LONGEST)
        return any(
            self.near[word] and self._byte_needs[word].search(data, max(0, end - before), end + behind)
            for word, _, end in places
        )


class _Plan(NamedTuple):
    """What is to be done after the first pass.

    Attributes:
        gate: The gate to run, if any.
        words: Whether to look for words in any case.
        word_gates: If not, one of these must hit, or the gate.
    """

    gate: Gate | None
    words: bool
    word_gates: Sequence[Gate]


def _need_of(rule: Rule) -> Expression | None:
    return need(rule.pattern.pattern, caseless=bool(rule.pattern.flags & re.IGNORECASE))


def _weakest(rules: Sequence[Rule]) -> re.Pattern[str]:
    needs = {_need_of(rule) for rule in rules}
    if needs <= {NUMBER, SHORT_NUMBER}:
        return re.compile((NUMBER if needs == {NUMBER} else SHORT_NUMBER).pattern)
    return re.compile("[0-9]")


def _once(words: Mapping[str, str], names: Iterable[str]) -> list[Expression]:
    return [Expression(words[name], caseless=True, report=Report.ONCE) for name in sorted(names)]


def _one_of(gates: Sequence[Gate], every: Gate) -> Gate | None:
    return every if len(gates) > 1 else next(iter(gates), None)
