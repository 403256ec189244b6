import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnlog.processors.policies.backtracking import check
from turnlog.processors.policies.gate_text import gate_text
from turnlog.processors.redaction.gate import Expression, Gate


@pytest.mark.parametrize(
    "pattern",
    [
        "ORD-[0-9]{6}",
        r"\d+-\d+",
        r"(?:[a-z]+\.)+com",
        r"[a-z0-9._%+-]{1,64}@[a-z0-9-]{1,63}\.[a-z]{2,24}",
        r"(?:\d{4}[ -]?){3}\d{4}",
        "(?:cat|dog){1,64}",
        "(?>a+)+b",
        "(?:a++)+b",
        "(?<!x)[äöü]{2}(?=y)",
    ],
)
def test_patterns_without_many_ways_pass(pattern: str) -> None:
    check(pattern)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(a+)+b", "very long"),
        ("(a|ab?)*c", "very long"),
        (r"(\w+\s?)+$", "very long"),
        ("(.*)x(.*)y", "very long"),
        ("(?:x?){100}", "nothing"),
        ("(?:xy?){100}y", "very long"),
        ("(?i:k+)x", "flags for a part"),
        (r"([a-z])\1", "can't be judged: groupref"),
        ("[a-z", "no expression"),
        ("x*", "nothing"),
        ("x" * 1001, "may have 1000"),
    ],
)
def test_patterns_that_a_text_can_make_cost_time_are_refused(pattern: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check(pattern)


def test_case_makes_signs_the_same() -> None:
    check("[a-z]{1,300}[A-Z]{1,300}x")
    with pytest.raises(ValueError, match="very long"):
        check("[a-z]{1,300}[A-Z]{1,300}x", caseless=True)


ATOMS = st.sampled_from(["a", "b", "ab", "[ab]", "[^a]", ".", r"\d", r"\w", "ä", "[äb]", "(?=a)", "(?<!b)", r"\b"])
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: (
        st.tuples(inner, inner).map("".join)
        | st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})")
        | st.tuples(inner, st.sampled_from(["?", "*", "+", "{2}", "{1,3}", "+?", "{1,2}+"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        )
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=150)
@given(PATTERNS, st.text("abä1 -é\n", max_size=12))
def test_the_gate_hits_wherever_the_pattern_matches(pattern: str, text: str) -> None:
    compiled = re.compile(f"(?:{pattern})")
    found = compiled.search(text)
    try:
        check(pattern)
        gate = Gate([Expression(gate_text(pattern))])
    except Exception:  # noqa: BLE001 - what is refused needs no gate
        return
    if found is None or found.end() == found.start():
        return
    data = text.encode()
    start = len(text[: found.start()].encode())
    hits = gate.hits(data)
    assert hits is None or any(low <= start for _, low, _ in hits)


@settings(deadline=None, max_examples=100)
@given(PATTERNS)
def test_what_passes_ends_in_time(pattern: str) -> None:
    try:
        check(pattern)
    except ValueError:
        return
    # Nothing is measured: what has too many ways would not end within the test's own time limit.
    for text in ("ab" * 30, "a" * 60):
        assert re.compile(f"(?:{pattern})(?!)").match(text) is None
