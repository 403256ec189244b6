from pathlib import Path
from typing import Any

import pytest

from turnlog.processors.policies import TenantRedactor, configured, redactor_of
from turnlog.processors.redaction import Pseudonyms, Redactor, Scanner, builtin

CONFIGURATION = """
defaults:
  types: {IP: off, CARD: masked, IBAN: label}
  allow:
    domains: [example.com]
    values: ["+49 30 901820"]
    patterns: ["B-00[0-9]{3}"]
tenants:
  strict:
    types: {IP: token, CARD: token}
rules:
  badge:
    type: BADGE
    pattern: "B-[0-9]{5}"
    context: [plakette, türschild*]
    score: 0.8
    examples: ["plakette [[B-12345]]"]
    tenants: [strict, other]
  house_key:
    type: SECRET
    pattern: "hk_[0-9a-f]{12,64}"
    examples: ["[[hk_0123456789abcdef]]"]
  ticket:
    type: TICKET
    pattern: "#[0-9]{4}"
    edges: none
    examples: ["ticket [[#1234]]"]
"""
MAIL = "ann@sample.org"


@pytest.fixture(scope="module")
def redactor(tmp_path_factory: pytest.TempPathFactory) -> TenantRedactor:
    path = tmp_path_factory.mktemp("policies") / "redaction.yaml"
    path.write_text(CONFIGURATION)
    made = redactor_of(configured(path), Pseudonyms(b"k" * 32))
    assert isinstance(made, TenantRedactor)
    return made


def body(redactor: TenantRedactor, text: str, tenant: str = "t") -> str:
    changed: str = redactor.redact({"tenant_id": tenant, "body": text}, "LogRecord")["body"]
    return changed


def test_types_are_kept_masked_named_or_tokens(redactor: TenantRedactor) -> None:
    text = f"from 203.0.113.9 card 4111 1111 1111 1111 to DE89370400440532013000 for {MAIL}"
    assert body(redactor, text).startswith("from 203.0.113.9 card <CARD:****1111> to <IBAN> for <EMAIL:k1-")
    assert body(redactor, text, "strict").startswith("from <IP:k1-")
    assert "card <CARD:k1-" in body(redactor, text, "strict")


def test_what_is_allowed_stays_in_any_spelling(redactor: TenantRedactor) -> None:
    for text in ("mail help@example.com or x@de.EXAMPLE.com", "call +49 30 901820", "phone: +49 (0)30 / 90 18 20"):
        assert body(redactor, text) == text
    for text in ("x@example.com.evil.org", "x@notexample.com", "call +49 30 901821"):
        assert "<" in body(redactor, text)


def test_nothing_passes_under_cover_of_what_stays(redactor: TenantRedactor) -> None:
    for text in (
        "my website is https://example.com/u/jane@sample.org",
        "homepage: https://www.example.com/?card=4111111111111111",
        "203.0.113.9jane@sample.org",
    ):
        changed = body(redactor, text)
        assert "<" in changed, text
        assert "jane" not in changed, text
        assert "4111" not in changed.replace("****1111", ""), text
    assert body(redactor, "my website is https://example.com/u/1") == "my website is https://example.com/u/1"


def test_what_overlaps_is_not_let_through(tmp_path: Path) -> None:
    (path := tmp_path / "r.yaml").write_text("""
defaults: {types: {OUTER: off}}
rules:
  outer: {type: OUTER, pattern: "aaa-[0-9]{3}", score: 0.9, examples: ["[[aaa-123]]"]}
  inner: {type: INNER, pattern: "[0-9]{3}", score: 0.5, edges: none, examples: ["[[123]]"]}
  across: {type: ACROSS, pattern: "[0-9]{3} bbb", score: 0.5, examples: ["[[123 bbb]]"]}
""")
    redactor = redactor_of(configured(path), Pseudonyms(b"k" * 32))

    def changed(text: str) -> str:
        result: str = redactor.redact({"tenant_id": "t", "body": text}, "LogRecord")["body"]
        return result

    assert changed("aaa-123") == "aaa-123"
    assert changed("aaa-123 bbb").startswith("aaa-<ACROSS:k1-")
    assert changed("c 123").startswith("c <INNER:k1-")


def test_rules_of_ones_own_are_for_whom_they_are(redactor: TenantRedactor) -> None:
    text = "plakette B-12345, hk_0123456789abcdef, see#1234"
    assert body(redactor, text).startswith("plakette B-12345, <SECRET:house_key>, see<TICKET:k1-")
    assert "plakette <BADGE:k1-" in body(redactor, text, "other")
    assert body(redactor, "Türschilder B-00777 und B-07777", "strict").startswith("Türschilder B-00777 und <BADGE:")
    assert body(redactor, "part B-12345", "strict") == "part B-12345"


def test_what_a_policy_wrote_is_left_alone(redactor: TenantRedactor) -> None:
    text = "card 4111 1111 1111 1111, password: DE89370400440532013000, #1234"
    once = redactor.redact({"tenant_id": "t", "body": text, "user_key": "ann"}, "LogRecord")
    assert once["redaction_hits"] == {"CARD": 1, "IBAN": 1, "TICKET": 1} or "SECRET" in once["redaction_hits"]
    twice = redactor.redact(once, "LogRecord")
    assert (twice["body"], twice["user_key"]) == (once["body"], once["user_key"])


def test_the_stamp_tells_of_rules_and_file(redactor: TenantRedactor) -> None:
    one, other = (redactor.redact({"tenant_id": each, "body": ""}, "LogRecord") for each in ("t", "strict"))
    assert one["redaction_rules"] == other["redaction_rules"] == redactor.version
    assert redactor.version.startswith(f"{builtin().version}+")


def test_without_a_file_nothing_stands_between() -> None:
    plain = redactor_of(configured(None), Pseudonyms(b"k" * 32))
    assert isinstance(plain, Redactor)
    record: dict[str, Any] = {"tenant_id": "t", "body": MAIL}
    assert plain.redact(record, "LogRecord") == Redactor(Scanner(builtin()), Pseudonyms(b"k" * 32)).redact(
        record, "LogRecord"
    )


def test_what_takes_too_long_is_withheld_under_a_policy_too(redactor: TenantRedactor) -> None:
    assert body(redactor, f"{MAIL} " + "my name is " * 60_000) == "<WITHHELD>"


def test_groups_are_on_for_who_wants_them(tmp_path: Path) -> None:
    (path := tmp_path / "r.yaml").write_text("tenants: {acme: {groups: [addresses]}}")
    redactor = redactor_of(configured(path), Pseudonyms(b"k" * 32))
    text = "We live at 742 Evergreen Terrace"
    assert "<" in redactor.redact({"tenant_id": "acme", "body": text}, "LogRecord")["body"]
    assert redactor.redact({"tenant_id": "t", "body": text}, "LogRecord")["body"] == text


def test_a_part_of_a_match_and_possessive_patterns_and_case(tmp_path: Path) -> None:
    (path := tmp_path / "r.yaml").write_text("""
rules:
  room:
    type: ROOM
    pattern: "(?:zimmer|büro) (?P<it>[a-z]{1,3}+[0-9]{1,4}+)"
    ignore_case: true
    examples: ["Zimmer [[a12]]", "Büro [[AB7]]"]
""")
    redactor = redactor_of(configured(path), Pseudonyms(b"k" * 32))
    result = redactor.redact({"tenant_id": "t", "body": "ZIMMER Ab12, Büro c3"}, "LogRecord")
    assert result["redaction_hits"] == {"ROOM": 2}
    assert result["body"].startswith("ZIMMER <ROOM:k1-")
