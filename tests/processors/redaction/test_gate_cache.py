"""Compiled gates are kept on disk, for their user alone, and never needed."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import hyperscan
import pytest

from turnlog.processors.redaction import gate, gate_cache
from turnlog.processors.redaction.gate import Expression, Gate

EXPRESSIONS = (Expression("[0-9]{4}-[0-9]{4}"), Expression("mail", caseless=True))
NAME = "a" * 64


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count databases compiled, in this process, which forgets those it knows."""
    made: list[int] = []

    class Counting(hyperscan.Database):
        def compile(self, expressions: Sequence[Any], *args: Any, **keywords: Any) -> None:
            made.append(len(expressions))
            super().compile(expressions, *args, **keywords)

    monkeypatch.setattr(hyperscan, "Database", Counting)
    monkeypatch.setattr(gate_cache, "SMALLEST", 0)
    gate._compiled.cache_clear()
    return made


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TURNLOG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "gates"


def hits() -> list[gate.Hit] | None:
    """Return what a gate of a process that has just started finds."""
    gate._compiled.cache_clear()
    return Gate(EXPRESSIONS).hits(b"Mail 1234-5678")


FOUND = [(1, 0, 4), (0, 5, 14)]


def database() -> hyperscan.Database:
    made = hyperscan.Database()
    made.compile(expressions=[b"cat"], ids=[0], flags=[0])
    return made


def finds_cat(kept: hyperscan.Database | None) -> bool:
    seen: list[int] = []
    if kept is not None:
        kept.scan(b"a cat", match_event_handler=lambda *found: seen.append(found[2]), scratch=hyperscan.Scratch(kept))
    return seen == [5]


def test_a_second_process_loads_what_the_first_compiled(folder: Path, compiled: list[int]) -> None:
    assert hits() == FOUND
    assert hits() == FOUND
    assert compiled == [2]
    (file,) = folder.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert file.stat().st_mode & 0o777 == 0o600


def shortened(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def changed(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def opened_to_others(file: Path) -> None:
    file.chmod(0o666)


def linked_to(file: Path) -> None:
    file.rename(file.with_name("elsewhere"))
    file.symlink_to("elsewhere")


def made_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("spoil", [shortened, changed, emptied, opened_to_others, linked_to, made_a_folder])
def test_a_file_that_cannot_be_trusted_is_compiled_again(
    folder: Path, compiled: list[int], spoil: Callable[[Path], None]
) -> None:
    assert hits() == FOUND
    (file,) = folder.iterdir()
    spoil(file)
    assert hits() == FOUND
    assert compiled == [2, 2]


def test_another_users_file_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_cache, "SMALLEST", 0)
    gate_cache.store(tmp_path / "gates", NAME, database())
    assert finds_cat(gate_cache.load(tmp_path / "gates", NAME))
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert gate_cache.load(tmp_path / "gates", NAME) is None


def test_a_folder_that_others_may_write_to_is_not_used(folder: Path, compiled: list[int]) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    assert hits() == FOUND
    assert hits() == FOUND
    assert compiled == [2, 2]
    assert not [*folder.iterdir()]


def test_no_folder_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiled: list[int]) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TURNLOG_CACHE", str(tmp_path / "file"))
    assert hits() == FOUND
    assert compiled == [2]


def test_a_file_under_another_name_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_cache, "SMALLEST", 0)
    gate_cache.store(tmp_path, NAME, database())
    (file,) = tmp_path.iterdir()
    file.rename(file.with_name(file.name.replace("a", "b", 1)))
    assert gate_cache.load(tmp_path, "b" + NAME[1:]) is None


def test_what_compiles_in_no_time_is_not_kept(tmp_path: Path) -> None:
    gate_cache.store(tmp_path / "gates", NAME, database())
    assert not (tmp_path / "gates").exists()


def test_files_that_nobody_needs_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_cache, "SMALLEST", 0)
    monkeypatch.setattr(gate_cache, "KEPT", 2)
    for name in ("needed", "old"):
        gate_cache.store(tmp_path, name, database())
        os.utime(tmp_path / f"{name}.hsdb", (1, 1))
    assert finds_cat(gate_cache.load(tmp_path, "needed"))
    gate_cache.store(tmp_path, "new", database())
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["needed", "new"]


def test_any_number_may_store_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_cache, "SMALLEST", 0)
    start = Barrier(4)

    def run(_: int) -> bool:
        start.wait()
        for _ in range(25):
            gate_cache.store(tmp_path / "gates", NAME, database())
            if not finds_cat(gate_cache.load(tmp_path / "gates", NAME)):
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(run, range(4)))
    assert [path.name for path in (tmp_path / "gates").iterdir()] == [f"{NAME}.hsdb"]


def test_a_name_depends_on_expressions_flags_and_ids() -> None:
    names = {
        gate_cache.key(expressions, flags, ids)
        for expressions, flags, ids in (
            ([b"a", b"b"], [0, 0], [0, 1]),
            ([b"ab"], [0], [0]),
            ([b"a", b"b"], [0, 1], [0, 1]),
            ([b"b", b"a"], [0, 0], [0, 1]),
            ([b"a", b"b"], [0, 0], [0, 0]),
        )
    }
    assert len(names) == 5


def test_the_folder_is_the_one_named_else_the_users_cache() -> None:
    assert gate_cache.folder({"TURNLOG_CACHE": "/somewhere"}) == Path("/somewhere/gates")
    assert gate_cache.folder({"XDG_CACHE_HOME": "/caches"}) == Path("/caches/turnlog/gates")
    assert gate_cache.folder({"XDG_CACHE_HOME": "not/absolute"}) == Path.home() / ".cache" / "turnlog" / "gates"
    assert gate_cache.folder({}) == Path.home() / ".cache" / "turnlog" / "gates"
