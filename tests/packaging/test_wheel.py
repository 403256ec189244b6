"""The wheel as a chatbot's author gets it: bare, light, and clear about what is missing."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

pytestmark = [pytest.mark.packaging, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(ROOT))
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel and nothing that it did not ask for; returns its python."""
    home = tmp_path_factory.mktemp("bare")
    run(sys.executable, "-m", "venv", str(home))
    python = home / "bin" / "python"
    run(str(python), "-m", "pip", "install", "--quiet", "-c", str(ROOT / "constraints.txt"), str(wheel))
    return python


def run(*command: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_one_namespace_and_its_data(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"turnlog"}
    assert "turnlog/__init__.py" not in names
    for needed in (
        "turnlog/schemas/avro/model_call.avsc",
        "turnlog/schemas/released/1/model_call.avsc",
        "turnlog/producers/py.typed",
        "turnlog/stack/kafka/pom.xml",
    ):
        assert needed in names
    assert any(name.startswith("turnlog/sinks/migrations/") and name.endswith(".sql") for name in names)


def test_bare_install_is_light(bare: Path) -> None:
    installed = run(str(bare), "-m", "pip", "list", "--format=freeze").lower()
    for heavy in ("faust", "clickhouse", "chdb", "pydantic", "typer"):
        assert heavy not in installed
    top = run(
        str(bare),
        "-c",
        "from importlib.metadata import files; print({f.parts[0] for f in files('turnlog') if '..' not in f.parts})",
    )
    tops = {name for name in eval(top) if not name.endswith(".dist-info")}
    assert tops == {"turnlog"}


def test_importing_the_client_is_quick(bare: Path, tmp_path: Path) -> None:
    # Processor time, not wall-clock time, and the second import: the first one writes the bytecode.
    code = "import time; t = time.process_time(); import turnlog.producers; print(time.process_time() - t)"
    run(str(bare), "-c", code, cwd=tmp_path)
    assert min(float(run(str(bare), "-c", code, cwd=tmp_path)) for _ in range(5)) < 0.3


@pytest.mark.parametrize(
    ("code", "extra"),
    [
        ("import turnlog.processors", "processors"),
        ("import turnlog.sinks", "sinks"),
        ("import turnlog.schemas.compatibility", "local"),
        ("import turnlog.producers.integrations.opentelemetry", "opentelemetry"),
    ],
)
def test_a_missing_extra_is_named(bare: Path, tmp_path: Path, code: str, extra: str) -> None:
    done = subprocess.run([str(bare), "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert f"pip install 'turnlog[{extra}]'" in done.stderr


def test_the_command_names_its_extra(bare: Path, tmp_path: Path) -> None:
    command = [str(bare.parent / "turnlog"), "up"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install 'turnlog[local]'" in done.stderr


@pytest.mark.parametrize("module", ["processors", "sinks"])
def test_a_stage_started_bare_says_so_in_one_line(bare: Path, tmp_path: Path, module: str) -> None:
    command = [str(bare), "-m", f"turnlog.{module}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode != 0
    assert f"turnlog[{module}]" in done.stderr.splitlines()[-1]
