from pathlib import Path

import pytest

from turnlog.processors.redaction import Scanner, builtin, failures, load
from turnlog.schemas import SettingError

OPTIONS = frozenset({"names", "addresses"})
RULES = builtin(OPTIONS).rules


def test_every_rule_finds_its_examples_and_not_its_counterexamples() -> None:
    assert all(rule.examples for rule in RULES)
    assert not failures(builtin(OPTIONS))


def test_the_version_follows_the_data(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('[a]\ntype = "A"\ngate = "aaa"\npattern = "aaa"\n')
    first = load([path]).version
    path.write_text('[a]\ntype = "A"\ngate = "aab"\npattern = "aab"\n')
    assert load([path]).version != first


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        '[a]\ntype = "A"\ngate = "a"\n',
        '[a]\ntype = "A"\ngate = "a"\npattern = "("\n',
        '[a]\ntype = "A"\ngate = "a"\npattern = "a"\nvalidator = "none such"\n',
        '[a]\ntype = "A"\ngate = "a"\npattern = "a"\nmistyped = 1\n',
        "",
    ],
)
def test_a_bad_rules_file_is_a_setting_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(SettingError):
        load([path])


def test_a_gate_that_does_not_compile_is_a_setting_error(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('[a]\ntype = "A"\ngate = "("\npattern = "a"\n')
    with pytest.raises(SettingError):
        Scanner(load([path]))


def test_a_rule_may_be_found_near_its_words_or_where_its_gate_hits_or_alone(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(
        '[words.room]\nen = ["room*"]\n'
        '[near]\ntype = "ROOM"\npattern = "[A-Z][0-9]{3}"\ncontext = "room"\nalone = true\n'
        '[gated]\ntype = "DESK"\npattern = "{{D}}[0-9]{2}"\n'
        '[shapes]\nD = "D-"\n'
    )
    scanner = Scanner(load([path]))
    assert [span.type for span in scanner.scan("rooms: A123")] == ["ROOM"]
    assert [span.type for span in scanner.scan("A123")] == ["ROOM"]
    assert [span.type for span in scanner.scan("x D-12 y")] == ["DESK"]
    assert not scanner.scan("take A123 there")


def test_optional_rules_are_other_rules() -> None:
    assert builtin(OPTIONS).version != builtin().version
    assert {rule.option for rule in builtin().rules} == {""}
