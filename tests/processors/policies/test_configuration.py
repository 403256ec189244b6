import re
from pathlib import Path

import pytest

from turnlog.processors.policies import Configuration, configured
from turnlog.schemas import SettingError

EXAMPLE = """
defaults:
  types: {IP: off, CARD: masked, PHONE: on}
  groups: [names]
  allow:
    domains: [Example.com]
    values: ["+49 30 901820"]
    patterns: ["ORD-[0-9]{6}"]
tenants:
  acme:
    types: {IP: token, BADGE: label}
    groups: []
    allow: {domains: [acme.example]}
rules:
  badge:
    type: BADGE
    pattern: "B-[0-9]{5}"
    examples: ["badge [[B-12345]]"]
  desk:
    type: DESK
    pattern: "desk [0-9]{1,4}"
    ignore_case: true
    examples: ["at [[desk 12]]"]
    tenants: [umbrella]
"""


def read(tmp_path: Path, text: str) -> Configuration:
    path = tmp_path / "redaction.yaml"
    path.write_text(text)
    return configured(path)


def test_tenants_inherit_and_add(tmp_path: Path) -> None:
    configuration = read(tmp_path, EXAMPLE)
    default, acme, umbrella = (configuration.of(each) for each in ("who", "acme", "umbrella"))
    assert default.types == {"IP": "off", "CARD": "masked", "PHONE": "token"}
    assert acme.types == {**default.types, "IP": "token", "BADGE": "label"}
    assert (default.groups, acme.groups, umbrella.groups) == (frozenset(["names"]), frozenset(), frozenset(["names"]))
    assert acme.domains == ("example.com", "acme.example")
    assert (acme.values, acme.patterns) == (("+49 30 901820",), (re.compile("ORD-[0-9]{6}"),))
    assert [each.rule.name for each in acme.rules] == ["badge"]
    assert [each.rule.name for each in umbrella.rules] == ["badge", "desk"]


def test_the_digest_is_the_files(tmp_path: Path) -> None:
    one, two = read(tmp_path, EXAMPLE), read(tmp_path, EXAMPLE + "\n")
    assert len({"", one.digest, two.digest}) == 3
    assert read(tmp_path, "").default == configured(None).default
    assert configured(None).digest == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("defaults: {types: {EMIAL: off}}", "defaults.types.EMIAL: no rule finds that; there are ACCOUNT_ID, "),
        ("defaults: {types: {IP: gone}}", "defaults.types.IP: Input should be 'token', 'masked', 'label' or 'off'"),
        ("defaults: {types: {USER: off}}", "user keys are always tokens"),
        ("defaults: {types: {SECRET: masked}}", "a secret can't be masked"),
        ("defaults: {groups: [name]}", "defaults.groups.0: Input should be 'addresses' or 'names'"),
        ("default: {}", "default: Extra inputs are not permitted"),
        ("tenants: {a: {allow: {patterns: ['(a+)+b']}}}", "tenants.a.allow.patterns.0: a text could be made"),
        ("tenants: {7: {}}", r"tenants.7.\[key\]: Input should be a valid string"),
        ("tenants:\n  a: {}\n  a: {}", "a stands twice"),
        ("rules: [", "while parsing a flow node"),
        ("- 1", "Input should be a valid dictionary"),
        ("rules: {b: {type: B, examples: ['[[x]]']}}", "rules.b: there is no pattern"),
        ("rules: {b: {type: BB, pattern: 'x', example: 1}}", "rules.b: unknown key example"),
        ("rules: {b: {type: bad, pattern: 'x'}}", "rules.b: type bad: a type has capital letters"),
        ("rules: {B: {type: BB, pattern: 'x'}}", "rules.B: a name has small letters"),
        ("rules: {b: {type: BB, pattern: 'x'}}", "rules.b: a rule needs examples"),
        ("rules: {b: {type: BB, pattern: 'x', examples: [1]}}", "rules.b: examples must be a list of texts"),
        ("rules: {b: {type: BB, pattern: '(x+)+y', examples: ['x']}}", "rules.b: a text could be made"),
        ("rules: {b: {type: BB, pattern: 'x', score: 2, examples: ['x']}}", "rules.b: score must be a number"),
        ("rules: {b: {type: BB, pattern: 'x', validator: y, examples: ['x']}}", "rules.b: there is no y"),
        ("rules: {b: {type: BB, pattern: 'x', validator: 'stdnum:xx.y', examples: ['x']}}", "rules.b: "),
        ("rules: {b: {type: BB, pattern: 'x', edges: y, examples: ['x']}}", "rules.b: there is no y"),
    ],
)
def test_what_can_not_be_right_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingError, match=said) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith("redaction file redaction.yaml: ")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="TURNLOG_REDACTION: No such file"):
        configured(tmp_path / "none")
