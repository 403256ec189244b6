"""docs/privacy.md's commands, file and adapter, run as they stand there."""

from __future__ import annotations

import io
import json
import re
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from turnlog.processors.keys import KeyFile, KeyService, new_ring
from turnlog.processors.redaction import Ruleset
from turnlog.stack import cli
from turnlog.stack.commands import redact

GUIDE = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def commands() -> list[tuple[str, str]]:
    """Return the commands with the output that stands below each."""
    parts = [part.partition("\n") for block in blocks("console") for part in f"\n{block}".split("\n$ ")[1:]]
    return [(command, output.strip("\n")) for command, _, output in parts]


def run(command: str, monkeypatch: pytest.MonkeyPatch) -> int:
    words = shlex.split(command)
    if "|" in words:
        bar = words.index("|")
        assert words[0] == "echo"
        said = f"{' '.join(words[1:bar])}\n".encode()
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(said)))
        words = words[bar + 1 :]
    assert words[0] == "turnlog"
    return cli.run(words[1:])


def test_the_commands_do_what_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("TURNLOG_PSEUDONYM_KEY", "TURNLOG_PSEUDONYM_KEY_FILE", "TURNLOG_PSEUDONYM_KMS", "TURNLOG_REDACTION"):
        monkeypatch.delenv(name, raising=False)
    # The rules that ship have a test of their own.
    monkeypatch.setattr(redact, "builtin", lambda groups: Ruleset((), "1"))
    monkeypatch.chdir(tmp_path)
    (configuration,) = blocks("yaml")
    Path("redaction.yaml").write_text(configuration)
    Path("calls.jsonl").write_text(json.dumps({"input_messages": "mail jane@sample.org"}))
    for command, output in commands():
        code = run(command, monkeypatch)
        shown = capsys.readouterr()
        assert code == 0, (command, shown.err)
        if command.startswith("echo"):
            assert shown.out.strip("\n") == output, command
    tokens = [epoch.key_of("acme") for epoch in KeyFile(Path("pseudonym.key")).read().epochs]
    assert tokens == [None, None]


def test_the_adapter_is_one() -> None:
    class GoneError(Exception):
        pass

    class Client:
        exceptions = SimpleNamespace(NotFoundException=GoneError)
        deleted = False

        def encrypt(self, **given: Any) -> dict[str, bytes]:
            return {"CiphertextBlob": repr(given["EncryptionContext"]).encode() + b"|" + given["Plaintext"][::-1]}

        def decrypt(self, **given: Any) -> dict[str, bytes]:
            if self.deleted:
                raise GoneError
            context, _, body = given["CiphertextBlob"].partition(b"|")
            assert context == repr(given["EncryptionContext"]).encode()
            return {"Plaintext": body[::-1]}

    (code,) = blocks("python")
    names: dict[str, Any] = {}
    exec(compile(code, "docs/privacy.md", "exec"), names)
    client = Client()
    service: KeyService = names["Adapter"](client, "key-1")
    wrapped = service.wrap(b"k" * 31 + b"|", "epoch 1")
    assert service.unwrap(wrapped, "epoch 1") == b"k" * 31 + b"|"
    assert new_ring(service).at(None).key_of("acme") is not None
    client.deleted = True
    assert service.unwrap(wrapped, "epoch 1") is None


def test_every_link_leads_to_a_heading() -> None:
    headings = re.findall(r"^#+ (.*)$", GUIDE, re.MULTILINE)
    anchors = {re.sub(r"[^a-z -]", "", each.lower()).replace(" ", "-") for each in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", GUIDE)) <= anchors
