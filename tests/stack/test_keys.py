import json
from pathlib import Path

import pytest
import typer

from turnlog.processors.keys import KeyFile, KeyRing, dump
from turnlog.processors.redaction import Pseudonyms
from turnlog.schemas import TransientError, UserError
from turnlog.stack import cli
from turnlog.stack.commands import keys
from turnlog.stack.keyacts import destroy, rotate
from turnlog.stack.servers import KAFKA_VARIABLE

LEAD_MS = 60_000


class Trail:
    def __init__(self, failing: str = "") -> None:
        self.acts: list[tuple[str, str, str, str | None, str | None]] = []
        self._failing = failing

    def __call__(
        self,
        action: str,
        resource: str,
        *,
        outcome: str,
        tenant: str | None = None,
        reason: str | None = None,
        data: Path | None = None,
    ) -> None:
        if outcome == self._failing:
            raise TransientError("no audit trail")
        self.acts.append((action, resource, outcome, tenant, reason))


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("TURNLOG_PSEUDONYM_KEY", "TURNLOG_PSEUDONYM_KMS", "TURNLOG_DATA", KAFKA_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TURNLOG_PSEUDONYM_KEY_FILE", str(tmp_path / "key"))
    return tmp_path / "key"


def test_keys_are_made_rotated_listed_and_destroyed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text("k" * 32)
    assert cli.run(["keys", "create"]) == 0
    assert path.read_text() == "k" * 32
    assert cli.run(["keys", "rotate", "--in", "1"]) == 0
    assert "epoch 2 begins at 2" in capsys.readouterr().out
    before = Pseudonyms(KeyFile(path).read()).every_user("jane", "acme")
    assert before[1] == Pseudonyms(b"k" * 32).every_user("jane", "acme")[0]
    assert cli.run(["keys", "destroy", "--tenant", "acme", "--epoch", "2", "--yes"]) == 0
    assert "destroyed: the key of tenant acme in epoch 2" in capsys.readouterr().out
    assert Pseudonyms(KeyFile(path).read()).every_user("jane", "acme") == before[1:]
    assert cli.run(["keys", "list", "--json", "--tenant", "acme"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["state"], first["valid_from"], second["state"]) == ("in use", "always", "destroyed")
    assert cli.run(["keys", "list"]) == 0
    shown = capsys.readouterr().out
    assert "next" in shown
    assert "kkkk" not in shown


def test_destruction_is_asked_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.run(["keys", "create"])
    before = path.read_bytes()
    monkeypatch.setattr(typer, "confirm", lambda question: "tenant acme in all epochs" not in question)
    assert cli.run(["keys", "destroy", "--tenant", "acme"]) == 1
    assert path.read_bytes() == before
    assert cli.run(["keys", "destroy"]) == 2
    assert cli.run(["keys", "destroy", "--epoch", "1", "--yes"]) == 2


def test_the_commands_hand_on_what_puts_them_on_record(path: Path) -> None:
    app = typer.Typer()
    keys.register(app, trail := Trail())
    cli.run(["keys", "create"])
    app(["keys", "rotate", "--reason", "yearly"], standalone_mode=False)
    app(["keys", "destroy", "--tenant", "acme", "--yes"], standalone_mode=False)
    assert trail.acts == [
        ("keys.rotate", "pseudonym keys", "begun", None, "yearly"),
        ("keys.rotate", "pseudonym keys", "done", None, "yearly"),
        ("keys.destroy", "pseudonym keys", "begun", "acme", None),
        ("keys.destroy", "pseudonym keys", "done", "acme", None),
    ]


def test_what_can_not_be_recorded_is_not_done(path: Path) -> None:
    cli.run(["keys", "create"])
    before = path.read_bytes()
    with pytest.raises(TransientError, match="no audit trail"):
        rotate(KeyFile(path), 1000, LEAD_MS, Trail("begun"))
    assert path.read_bytes() == before


def test_an_act_that_is_refused_was_never_begun_and_one_that_fails_says_so(path: Path) -> None:
    cli.run(["keys", "create"])
    with pytest.raises(UserError, match="the key of epoch 1 is in use"):
        destroy(KeyFile(path), 1000, trail := Trail(), epoch=1)
    assert trail.acts == []

    class Unwritable(KeyFile):
        def _replace(self, path: Path, text: str, *, shred: bool) -> None:
            raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match="can't be changed: No space left"):
        rotate(Unwritable(path), 1000, LEAD_MS, trail)
    assert [each[2] for each in trail.acts] == ["begun", "failed"]


def test_two_rotations_at_once_make_one_epoch(path: Path) -> None:
    cli.run(["keys", "create"])
    rotate(KeyFile(path), 1000, LEAD_MS, Trail())
    with pytest.raises(UserError, match="epoch 2 has been made and waits"):
        rotate(KeyFile(path), 1000, LEAD_MS, Trail())


def test_keys_in_the_environment_are_listed_and_not_changed(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TURNLOG_PSEUDONYM_KEY_FILE")
    monkeypatch.setenv("TURNLOG_PSEUDONYM_KEY", dump(KeyRing.of_master(b"k" * 32)))
    assert cli.run(["keys", "list", "--json"]) == 0
    assert '"in use"' in capsys.readouterr().out
    assert cli.run(["keys", "rotate"]) == 2
    assert "put them into a file" in capsys.readouterr().err
