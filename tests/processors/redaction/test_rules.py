import re
from pathlib import Path

import pytest

from turnlog.processors.redaction import Rule, Ruleset, Scanner, builtin, load
from turnlog.schemas import SettingError

SCANNER = Scanner(builtin())
RULES = builtin().rules


def marked(example: str) -> tuple[str, list[str]]:
    """Split an example into its text and what is marked in it."""
    marks = re.compile(r"\[\[(.*?)\]\]", re.DOTALL)
    return marks.sub(r"\1", example), marks.findall(example)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_finds_its_examples_and_not_its_counterexamples(rule: Rule) -> None:
    assert rule.examples
    alone = Scanner(Ruleset((rule,), "alone", builtin().words))
    for example in rule.examples:
        text, expected = marked(example)
        assert [text[span.start : span.end] for span in alone.scan(text)] == expected
    for text in rule.counterexamples:
        assert not alone.scan(text), text


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_all_rules_together_cover_every_example(rule: Rule) -> None:
    for example in rule.examples:
        text, expected = marked(example)
        found = {index for span in SCANNER.scan(text) for index in range(span.start, span.end)}
        for each in expected:
            assert set(range(text.index(each), text.index(each) + len(each))) <= found


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
