"""Runs as few gates over a text as will do: most texts hold nothing, and one cheap pass says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from turnlog.processors.redaction.gate import Expression, Gate, Hit, Report
from turnlog.processors.redaction.needs import NUMBER, SHORT_NUMBER, TOKEN, need
from turnlog.processors.redaction.rules import Rule

_NEEDS = {NUMBER: 0, TOKEN: 1, SHORT_NUMBER: 2}


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
        asked: dict[Expression | None, set[str]] = {each: set() for each in by_need}
        for rule in rules:
            if not rule.gates:
                caseless = bool(rule.pattern.flags & re.IGNORECASE)
                asked[need(rule.pattern.pattern, caseless=caseless)].update(rule.context)
        self._first = Gate(
            [
                *_NEEDS,
                *(gate._replace(report=Report.ONCE) for gate in by_need[None]),
                *_once(words, asked[None]),
            ]
        )
        # Indices of what hits in the first pass, and what is to be done then.
        first_word = len(_NEEDS) + len(by_need[None])
        base = 0
        self._gates: list[tuple[frozenset[int], Gate]] = []
        for wanted, gates in by_need.items():
            after = frozenset(range(len(_NEEDS), first_word) if wanted is None else {_NEEDS[wanted]})
            self._gates.append((after, Gate(gates, base)))
            base += len(gates)
        self._word_gates = [(frozenset({_NEEDS[each]}), Gate(_once(words, asked[each]))) for each in _NEEDS]
        self._loose_words = frozenset(range(first_word, first_word + len(asked[None])))
        self._word_gate = Gate([Expression(words[word], caseless=True, report=Report.END) for word in self.words])

    def hits(self, data: bytes) -> tuple[list[Hit], list[Hit]] | None:
        """Return where gates hit, and where words stand in the order of their ends, or None if that is too often.

        Words are left out where no rule could ask for them.
        """
        found = self._first.hits(data)
        if not found:
            return None if found is None else ([], [])
        seen = {hit[0] for hit in found}
        hits: list[Hit] = []
        for wanted, gate in self._gates:
            if not wanted.isdisjoint(seen):
                more = gate.hits(data, len(hits))
                if more is None:
                    return None
                hits = sorted(hits + more, key=_end) if hits and more else hits or more
        if not hits and not self._asks_for_words(seen, data):
            return [], []
        places = self._word_gate.hits(data)
        return None if places is None else (hits, places)

    def _asks_for_words(self, seen: set[int], data: bytes) -> bool:
        if not self._loose_words.isdisjoint(seen):
            return True
        return any(not after.isdisjoint(seen) and gate.hits(data) != [] for after, gate in self._word_gates)


def _once(words: Mapping[str, str], names: Iterable[str]) -> list[Expression]:
    return [Expression(words[name], caseless=True, report=Report.ONCE) for name in sorted(names)]


def _end(hit: Hit) -> int:
    return hit[2]
