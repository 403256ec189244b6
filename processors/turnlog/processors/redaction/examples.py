"""Runs the examples that rules bring along: they are the rules' tests."""

from __future__ import annotations

import re
from collections.abc import Sequence

from turnlog.processors.redaction.rules import Ruleset
from turnlog.processors.redaction.scanner import Scanner

_MARK = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)


def marked(example: str) -> tuple[str, list[str]]:
    """Split an example into its text and what is marked in it by double brackets."""
    return _MARK.sub(r"\1", example), _MARK.findall(example)


def failures(ruleset: Ruleset) -> Sequence[str]:
    """Return a sentence for every example that its rule does not find, and every counterexample that it does.

    All rules together must cover an example as well, whichever of them wins.
    """
    everything = Scanner(ruleset)
    found: list[str] = []
    for rule in ruleset.rules:
        alone = Scanner(Ruleset((rule,), ruleset.version, ruleset.words))
        for example in rule.examples:
            text, expected = marked(example)
            if [text[span.start : span.end] for span in alone.scan(text)] != expected:
                found.append(f"{rule.name} does not find its example {example!r}")
            covered = {index for span in everything.scan(text) for index in range(span.start, span.end)}
            if any(not set(range(text.index(each), text.index(each) + len(each))) <= covered for each in expected):
                found.append(f"the rules together do not cover {rule.name}'s example {example!r}")
        found += [f"{rule.name} finds its counterexample {text!r}" for text in rule.counterexamples if alone.scan(text)]
    return found
