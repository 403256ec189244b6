from pathlib import Path

import pytest

from turnlog.processors.keys import KeyFile
from turnlog.schemas import UserError
from turnlog.stack.datadir import DataDirectory


def test_what_it_creates_is_its_owners_alone(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "data")
    directory.create()
    assert directory.pseudonym_key.stat().st_mode & 0o777 == 0o600
    assert directory.path.stat().st_mode & 0o077 == 0
    assert directory.pseudonym_key.parent.stat().st_mode & 0o077 == 0
    assert KeyFile(directory.pseudonym_key).read().at(None).number == 1


def test_a_key_is_made_once(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    directory.create()
    key = directory.pseudonym_key.read_text()
    directory.create()
    assert directory.pseudonym_key.read_text() == key
    assert [each.name for each in directory.pseudonym_key.parent.iterdir()] == ["pseudonym.key"]


def test_one_supervisor_at_a_time(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    with directory.lock(), pytest.raises(UserError, match=r"a stack runs in .* already"), directory.lock():
        pass
    with directory.lock():
        pass


def test_a_folder_that_cannot_be_is_a_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot use .* as data directory"):
        DataDirectory(tmp_path / "file" / "data").create()


def test_the_option_wins_over_the_variable_and_that_over_the_default(tmp_path: Path) -> None:
    environ = {"TURNLOG_DATA": str(tmp_path / "variable")}
    assert DataDirectory.choose(tmp_path / "option", environ).path == tmp_path / "option"
    assert DataDirectory.choose(None, environ).path == tmp_path / "variable"
    assert DataDirectory.choose(None, {}).path == Path.cwd() / ".turnlog"
