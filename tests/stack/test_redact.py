import json
from pathlib import Path

import pytest

from turnlog.processors.redaction import Ruleset
from turnlog.stack import cli
from turnlog.stack.commands import redact
from turnlog.stack.redacting import lines_of

CONFIGURATION = """
defaults: {types: {CARD: masked}}
tenants: {acme: {types: {EMAIL: off}}}
rules:
  ticket:
    type: TICKET
    pattern: "T-[0-9]{4}"
    examples: ["see [[T-1234]]"]
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("TURNLOG_REDACTION", raising=False)
    (path := tmp_path / "redaction.yaml").write_text(CONFIGURATION)
    return path


def test_a_text_is_shown_with_rules_and_replacements(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file := tmp_path / "text").write_text("mail ann@sample.org\nT-1234 card 4111 1111 1111 1111\n")
    assert cli.run(["redact", str(file)]) == 0
    first, second = (line.split("\t") for line in capsys.readouterr().out.splitlines())
    assert first == ["1:6", "EMAIL", "email", "0.95", "'ann@sample.org'", "<EMAIL:…>"]
    assert second[-1] == "<CARD:…>"
    assert cli.run(["redact", str(file), "--config", str(config), "--json"]) == 0
    finds = list(map(json.loads, capsys.readouterr().out.splitlines()))
    assert [each["replacement"] for each in finds] == ["<EMAIL:…>", "<TICKET:…>", "<CARD:****1111>"]
    assert (finds[1]["rule"], finds[1]["line"], finds[1]["column"]) == ("ticket", 2, 1)


def test_a_tenant_has_its_policy_and_the_setting_names_the_file(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TURNLOG_REDACTION", str(config))
    (file := tmp_path / "text").write_text("mail ann@sample.org T-1234")
    assert cli.run(["redact", str(file), "--tenant", "acme"]) == 0
    assert [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()] == ["TICKET"]


def test_records_are_shown_line_by_line(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        {"tenant_id": "acme", "input_messages": [{"role": "user", "content": "ann@sample.org, T-1234"}]},
        {"log_type": "info", "body": "ann@sample.org and ann@sample.org"},
    ]
    (file := tmp_path / "records.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert cli.run(["redact", str(file), "--config", str(config)]) == 0
    shown = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [(each[0], each[2], each[-1]) for each in shown] == [
        ("1", "ticket", "<TICKET:…>"),
        ("2", "email", "<EMAIL:…>"),
    ]
    assert cli.run(["redact", str(file), "--config", str(config), "--json"]) == 0
    call, log = map(json.loads, capsys.readouterr().out.splitlines())
    assert (call["record"], log["record"]) == ("ModelCall", "LogRecord")
    assert json.loads(call["redacted"]["input_messages"])[0]["content"] == "ann@sample.org, <TICKET:…>"
    assert log["redacted"]["body"] == "<EMAIL:…> and <EMAIL:…>"
    assert (log["redacted"]["redaction_hits"], len(log["finds"])) == ({"EMAIL": 2}, 1)


def test_what_is_no_record_is_a_users_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (file := tmp_path / "records.jsonl").write_text('{"body": "x"}\n[1]\n')
    assert cli.run(["redact", str(file)]) == 2
    assert "line 2 is no JSON object" in capsys.readouterr().err
    assert cli.run(["redact", str(file), "--record", "Letter"]) == 2
    assert "there is no record Letter; there are Dataset" in capsys.readouterr().err


def test_examples_that_fail_are_named(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The rules that ship have a test of their own.
    monkeypatch.setattr(redact, "builtin", lambda groups: Ruleset((), "1"))
    assert cli.run(["redact", "--test", "--config", str(config)]) == 0
    assert "1 rules, 1 examples, 0 failed (rules 1+" in capsys.readouterr().out
    config.write_text(CONFIGURATION.replace("see [[T-1234]]", "see [[T-12345]]"))
    assert cli.run(["redact", "--test", "--config", str(config)]) == 1
    assert "ticket does not find its example" in capsys.readouterr().err
    config.write_text(CONFIGURATION.replace("T-[0-9]{4}", "(T+)+x"))
    assert cli.run(["redact", "--test", "--config", str(config)]) == 2
    assert "rules.ticket: a text could be made" in capsys.readouterr().err


def test_a_line_of_json_goes_on_behind_what_other_texts_end_lines_with() -> None:
    assert [number for number, _ in lines_of('{"body": "a\u2028b\u0085c"}\n\n{}\n')] == [1, 3]
