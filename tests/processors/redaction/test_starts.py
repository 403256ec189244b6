"""How matches begin is read off a pattern, and where that is, found in a text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnlog.processors.redaction.examples import marked
from turnlog.processors.redaction.rules import builtin
from turnlog.processors.redaction.starts import NUMBER, WORD, Kind, Starts, kind_of, width

RULES = [rule for rule in builtin(frozenset({"names", "addresses"})).rules if rule.begins is not None]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("(?<![0-9])[0-9]{6}", NUMBER),
        (r"(?<![0-9A-Z])\(?[0-9]{3}", NUMBER),
        (r"(?<=\()[0-9]|(?<![0-9])1", NUMBER),
        ("(?<![0-9A-Za-z_])(?:[A-Z]{2})?[0-9]", WORD),
        ("(?<![0-9A-Za-z_])(?:[A-Z]|[0-9])", WORD),
        ("[0-9]{6}", None),
        ("(?<![0-9])(?:x|1)", None),
        (r"(?<!\d)[0-9]", None),
        ("(?<![0-9]x)[0-9]", None),
        ("(?<![0-9A-Za-z])(?:1|)", None),
        ("(?<![0-9A-Za-z])[é1]", None),
        ("(?<![0-9]", None),
    ],
)
def test_the_beginning_is_read_off_a_pattern(pattern: str, expected: Kind | None) -> None:
    assert kind_of(pattern, caseless=False) == expected


def test_without_cases_a_letter_may_be_no_ascii() -> None:
    assert kind_of("(?<![0-9A-Za-z])[a-z]", caseless=True) is None


def test_width_is_that_of_the_shortest_and_the_longest_match() -> None:
    assert width("(?<![0-9])a(?:bc){0,2}(?!x)") == (1, 5)


@given(st.text("1(a _é", max_size=60), st.integers(0, 40), st.integers(0, 40))
def test_every_beginning_is_found_once_across_blocks(text: str, low: int, more: int) -> None:
    text = "." * 1000 + text
    low += 990
    for kind, pattern in ((NUMBER, r"(?<![0-9])[0-9]|\("), (WORD, "(?<![0-9A-Za-z])[0-9A-Za-z]")):
        expected = [match.start() for match in re.finditer(pattern, text) if low <= match.start() <= low + more]
        assert [*Starts(text).between(kind, low, low + more)] == expected


def test_rules_match_only_where_they_are_said_to_begin() -> None:
    assert len(RULES) > 100
    for rule in RULES:
        for example in rule.examples:
            text = marked(example)[0]
            for each in (text, f"({text}", f"1{text}", f"a{text}", text.replace(" ", "")):
                assert rule.begins is not None
                starts = Starts(each).between(rule.begins, 0, len(each))
                assert {match.start() for match in rule.pattern.finditer(each)} <= {*starts}
