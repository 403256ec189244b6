"""How many digits or letters a match begins with is read off its pattern, and few rules are tried for it."""

import re

import pytest

from turnlog.processors.redaction.examples import marked
from turnlog.processors.redaction.fitting import Fitting
from turnlog.processors.redaction.leads import MOST, leads
from turnlog.processors.redaction.needs import DIGIT_SIGNS, LETTER_SIGNS
from turnlog.processors.redaction.rules import builtin

RULES = [rule for rule in builtin(frozenset({"names", "addresses"})).rules if not rule.gates]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[0-9]{6}(?![0-9])", {6}),
        ("[0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{4}(?![0-9])", {3, 5, 9}),
        ("(?:[0-9]{4}|[0-9]{2}x)(?![0-9])", {2, 4}),
        ("[0-9]{2,4}(?:[ ][0-9]{2})?(?![0-9A-Z]|[.][0-9])", {2, 3, 4}),
        (r"\(?[0-9]{3}(?![0-9])", {0, 3}),
        ("[A-Z]{2}[0-9]{3}", {0}),
        ("[0-9A-Z]{3}(?![0-9])", {0, 1, 2, 3}),
        ("[0-9]{20}", {*range(20, MOST + 1)}),
        ("[0-9]{3}(?![A-Z])", {*range(3, MOST + 1)}),
        ("[0-9]{2}(?!x[0-9])", {*range(2, MOST + 1)}),
        ("[0-9]+x", {*range(1, MOST + 1)}),
        ("[0-9]{30}(?![0-9])", {MOST}),
        ("[0-9]{2}(?P<a>[0-9]-)(?P=a)", {3}),
        ("[0-9](?:", {*range(MOST + 1)}),
    ],
)
def test_the_digits_that_a_match_begins_with_are_read_off_a_pattern(pattern: str, expected: set[int]) -> None:
    assert leads(pattern, DIGIT_SIGNS) == expected


def test_so_are_letters() -> None:
    assert leads("[A-Z]{1,2}[0-9]", LETTER_SIGNS) == {1, 2}


def test_rules_match_only_where_they_are_said_to_begin_with_so_many() -> None:
    for rule in RULES:
        for example in rule.examples:
            text = marked(example)[0]
            for match in rule.pattern.finditer(text):
                for signs, kind in ((DIGIT_SIGNS, "[0-9]*"), (LETTER_SIGNS, "[A-Za-z]*")):
                    row = re.compile(kind).match(text, match.start())
                    assert row is not None
                    assert min(len(row.group()), MOST) in leads(rule.pattern.pattern, signs)


def test_near_a_word_only_rules_that_may_match_there_are_left() -> None:
    fitting = Fitting(RULES, [*range(len(RULES))])
    for index, rule in enumerate(RULES):
        for example in rule.examples:
            text = marked(example)[0]
            for match in rule.pattern.finditer(text):
                assert index in fitting.near(text, max(0, match.start() - 1))
                assert index in fitting.near(text, match.end() + 1) or rule.after < 2
    assert len(fitting.near("in 2023", 0)) < len(RULES) / 2
