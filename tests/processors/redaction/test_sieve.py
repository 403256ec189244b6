"""The first pass lets through every text that a rule could match."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnlog.processors.redaction.examples import marked
from turnlog.processors.redaction.gate import Expression, Gate, Report
from turnlog.processors.redaction.needs import NUMBER, SHORT_NUMBER, TOKEN, need
from turnlog.processors.redaction.rules import builtin
from turnlog.processors.redaction.scanner import Scanner
from turnlog.processors.redaction.sieve import SHORT, Sieve

RULES = builtin(frozenset({"names", "addresses"}))
GATES = [gate for gate in {gate for rule in RULES.rules for gate in rule.gates} if need(gate.pattern, caseless=False)]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[0-9]{6}", NUMBER),
        (r"[0-9]{3}[ -]?[0-9]{3}", NUMBER),
        (r"(?:[0-9]{2} ){2,3}[0-9]{2}", NUMBER),
        (r"[0-9]{12,19}|[0-9]{4}(?:[ -][0-9]{2,7}){2,4}", NUMBER),
        (r"[0-9]{3}(?:[0-9][0-9]|2[AB])[0-9]{2}", SHORT_NUMBER),
        (r"(?P<a>[0-9])(?=x)[0-9]{5}?", NUMBER),
        ("[0-9]{5}", SHORT_NUMBER),
        ("[0-9]{3}[ABC][0-9]{4}", SHORT_NUMBER),
        ("[0-9]{4} {4}[0-9]{4}", SHORT_NUMBER),
        ("(?:ab)?[0-9]{4}|[0-9]{9}", SHORT_NUMBER),
        ("[0-9A-F]{16}", TOKEN),
        ("key_[0-9a-z]{6}[-_][0-9a-z]{5}x?", TOKEN),
        ("[0-9A-F]{15}", None),
        ("[0-9a-z]{8},[0-9a-z]{8}", None),
        ("[0-9a-z]{8},?[0-9a-z]{8}", None),
        ("(?:[0-9]{6})?", None),
        ("[0-9]{6}|x", None),
        (r"\d{6}", None),
        ("[^a]{20}", None),
        (r"([0-9])\1{5}", None),
        ("[0-9]{6", None),
    ],
)
def test_a_need_is_read_off_a_pattern(pattern: str, expected: Expression | None) -> None:
    assert need(pattern, caseless=False) == expected


def test_without_cases_a_letter_may_be_no_ascii() -> None:
    assert re.fullmatch("[a-z]{16}", "\u017f" * 16, re.IGNORECASE)
    assert need("[a-z]{16}", caseless=True) is None


def test_half_of_the_gates_and_more_need_something() -> None:
    assert len(GATES) > len({gate for rule in RULES.rules for gate in rule.gates}) / 2


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.data())
def test_what_a_gate_matches_holds_what_it_needs(data: st.DataObject) -> None:
    gate = data.draw(st.sampled_from(GATES))
    wanted = need(gate.pattern, caseless=gate.caseless)
    if wanted is not None:
        flags = re.IGNORECASE if gate.caseless else 0
        text = data.draw(st.from_regex(re.compile(gate.pattern.encode("latin-1"), flags), fullmatch=True))
        assert Gate([wanted]).hits(text)


@pytest.mark.parametrize("filling", [0, SHORT])
def test_the_sieve_finds_what_all_gates_find(filling: int) -> None:
    sieve = Sieve(RULES.rules, RULES.words)
    gates = list(dict.fromkeys(gate for rule in RULES.rules for gate in rule.gates))
    everything = Gate(gates)
    names = sorted({word for rule in RULES.rules for word in (*rule.context, *rule.unless)})
    words = Gate(
        [Expression(each, caseless=True, report=Report.END) for name in names for each in RULES.words[name]],
        [index for index, name in enumerate(names) for _ in RULES.words[name]],
    )
    for rule in RULES.rules:
        for example in (*rule.examples, *rule.counterexamples):
            data = marked(example)[0].encode() + b" " * filling
            found, sifted = everything.hits(data), sieve.hits(data)
            assert found is not None
            assert sifted is not None
            first_word, first_other = len(sieve.gated), sieve.folding
            at_gates = {(start, end) for index, start, end in sifted if index < first_word}
            assert at_gates == {(start, end) for _, start, end in found}
            at_words = {(index - first_word, 0, end) for index, _, end in sifted if first_word <= index < first_other}
            assert at_words in (set(), set(words.hits(data) or []))


def test_rules_near_words_are_found_behind_the_first_pass() -> None:
    scanner = Scanner(RULES)
    for rule in RULES.rules:
        for example in rule.examples:
            text, expected = marked(example)
            if not rule.gates and rule.context and text not in expected:
                assert scanner.scan(f"{text} {'.' * SHORT}") == scanner.scan(f"{text} .")


def test_suspects_are_the_texts_with_something_in_them() -> None:
    scanner = Scanner(RULES)
    texts = [
        "",
        "ann@example.com",
        "phone",
        "415 555 0132",
        "клиент",
        "my phone: 415 555 0132",
        '{"a":"52998224725"}',
        "x",
    ]
    assert scanner.suspects(texts) == [False, True, False, True, False, True, True, False]
    assert scanner.suspects(["\uff11", "x", "ann\uff20example.com"]) == [True, False, True]
    for rule in RULES.rules:
        for example in rule.examples:
            text = marked(example)[0]
            if scanner.scan(text):
                assert scanner.suspects(["é call", text, "me 1234"])[1]
                # What hides a hit by letters that only look like others is told of each text, not of the first alone.
                assert scanner.suspects(["\uff11", text, "\uff11"])[1]
