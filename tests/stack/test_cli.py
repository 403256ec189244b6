from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
import typer

from turnlog.schemas import TransientError, UserError
from turnlog.stack import cli, command, commands


def failing_with(error: BaseException) -> Callable[[typer.Typer, str], None]:
    def register(app: typer.Typer, _name: str) -> None:
        @app.command()
        def fail() -> None:
            raise error

        @app.command()
        def other() -> None: ...

    return register


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UserError("fix it"), 2, "turnlog: fix it\n"),
        (TransientError("try later"), 1, "turnlog: try later\n"),
        (KeyboardInterrupt(), 130, ""),
        (typer.Exit(3), 3, ""),
    ],
)
def test_errors_end_in_one_line_and_a_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, line: str
) -> None:
    monkeypatch.setattr(cli, "COMMANDS", ("fail",))
    monkeypatch.setattr(cli, "register", failing_with(error))
    assert cli.run(["fail"]) == code
    shown = capsys.readouterr()
    assert shown.err.removeprefix("Aborted.\n") == line
    assert not shown.out


def test_the_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"turnlog {version('turnlog')}\n"


def test_every_command_is_there_and_loads_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    shown = capsys.readouterr().out
    for name in commands.COMMANDS:
        assert f" {name} " in shown
        app = cli.build(name)
        assert len(app.registered_commands) + len(app.registered_groups) == 1
        assert cli.run([name, "--help"]) == 0


def test_an_unknown_command_is_a_users_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["fly"]) == 2
    assert "No such command" in capsys.readouterr().err


def test_without_the_extra_the_command_says_which(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "find_spec", lambda module: None)
    assert command.main() == 2
    assert capsys.readouterr().err == "turnlog: this command needs the extra 'local': pip install 'turnlog[local]'\n"


def test_status_and_down_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = str(tmp_path / "none")
    assert cli.run(["down", "--data", nowhere]) == 0
    assert cli.run(["status", "--data", nowhere]) == 1
    assert capsys.readouterr().out == f"no stack runs in {nowhere}\n" * 2
    assert not (tmp_path / "none").exists()
