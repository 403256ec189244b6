"""The broker's jars: fetched once by Maven into a cache that all stacks of a user share."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from turnlog.schemas.errors import UserError

POM = Path(__file__).with_name("pom.xml")
"""The list of jars, in Maven's language."""


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Say where fetched parts are kept: TURNLOG_CACHE, else `~/.cache/turnlog`."""
    named = environ.get("TURNLOG_CACHE")
    return Path(named).absolute() if named else Path.home() / ".cache" / "turnlog"


def jars_folder(cache: Path) -> Path:
    """Say where in `cache` the jars of this version's pom.xml are, or will be."""
    return cache / f"kafka-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"


def ensure_jars(cache: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the jars; fetch them by Maven if they are not there yet.

    Blocks while Maven downloads (about 45 MB). Safe with several processes at once: one fetches and the others wait for
    it; the folder appears whole or not at all.

    Raises:
        UserError: Maven is missing, or it could not fetch the jars.
    """
    folder = jars_folder(cache)
    if folder.is_dir():
        return folder
    maven = shutil.which("mvn", path=environ.get("PATH"))
    if maven is None:
        raise UserError("fetching Kafka's jars needs Maven and mvn is not on PATH: install Maven")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache / "kafka.lock"):
            if not folder.is_dir():
                _fetch(maven, cache, folder)
    except OSError as error:
        raise UserError(f"cannot write the cache folder {cache}: {error.strerror}") from error
    return folder


def _fetch(maven: str, cache: Path, folder: Path) -> None:
    for leftover in cache.glob("kafka-fetch-*"):  # of a process that was killed: the lock is ours now
        shutil.rmtree(leftover, ignore_errors=True)
    workplace = Path(tempfile.mkdtemp(prefix="kafka-fetch-", dir=cache))
    try:
        pom = shutil.copy(POM, workplace)
        jars = workplace / "jars"
        fetched = subprocess.run(
            [
                *(maven, "--batch-mode", "--quiet", "--file", pom, "dependency:copy-dependencies"),
                *("-DincludeScope=runtime", f"-DoutputDirectory={jars}"),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if fetched.returncode != 0 or not any(jars.glob("kafka_*.jar")):
            raise UserError(f"Maven could not fetch Kafka's jars: {_first_error(fetched.stdout + fetched.stderr)}")
        jars.rename(folder)
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def _first_error(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("[ERROR]").strip() for line in lines if line.startswith("[ERROR]")]
    return (errors or lines or ["it said nothing"])[0]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an advisory lock on a file, which its holder's end releases, whatever the end."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
