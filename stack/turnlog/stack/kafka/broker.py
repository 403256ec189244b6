"""A broker's files, and the command that starts it."""

import base64
import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from turnlog.schemas.errors import TurnlogError
from turnlog.stack.kafka.jars import cache_folder, ensure_jars
from turnlog.stack.kafka.java import find_java
from turnlog.stack.kafka.settings import BrokerSettings, render_properties
from turnlog.stack.ports import free_port


@dataclass(frozen=True)
class Runtime:
    """What it takes to run a broker: Java, and the folder of Kafka's jars."""

    java: Path
    jars: Path

    @classmethod
    def find(cls, environ: Mapping[str, str] = os.environ) -> "Runtime":
        """Find Java and the jars, which Maven fetches first if need be (blocks for that time).

        Raises:
            UserError: Java or Maven is missing or too old, or the jars cannot be fetched.
        """
        return cls(java=find_java(environ), jars=ensure_jars(cache_folder(environ), environ))

    def command(self, options: list[str], main_class: str, *arguments: str) -> list[str]:
        """Return the command line that runs one of Kafka's programs."""
        return [str(self.java), *options, "-cp", f"{self.jars}{os.sep}*", main_class, *arguments]


def prepare_broker(runtime: Runtime, data: Path, port: int, heap_mb: int) -> list[str]:
    """Make `data` ready for a broker and return the command that runs it.

    A new folder is formatted (which runs Java for about 2 s); one that holds a broker's data is kept as it is,
    also after that broker was killed. Port and heap may differ from start to start.

    Raises:
        TurnlogError: Kafka's formatting program failed.
    """
    log_folder = data / "log"
    settings = BrokerSettings(port=port, controller_port=free_port(), log_folder=log_folder, heap_mb=heap_mb)
    data.mkdir(parents=True, exist_ok=True)
    if not log_folder.is_dir():
        _format(runtime, data, log_folder)
    temporary = data / "tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    properties = data / "server.properties"
    properties.write_text(render_properties(settings.properties()), encoding="ascii")
    return runtime.command(settings.java_options(temporary), "kafka.Kafka", str(properties))


def run_broker(data: Path, port: int, heap_mb: int) -> NoReturn:
    """Become the broker: this process is replaced by Java, so that it keeps its pid and takes the signals itself.

    Raises:
        UserError: Java or Maven is missing or too old, or the jars cannot be fetched.
        TurnlogError: the data folder cannot be formatted.
    """
    command = prepare_broker(Runtime.find(), data.absolute(), port, heap_mb)
    os.chdir(data)  # Java leaves its crash reports where it stands
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


def _format(runtime: Runtime, data: Path, log_folder: Path) -> None:
    """Format beside the final place and move it there, so that a kill leaves a whole folder or none."""
    draft = data / "log.new"
    shutil.rmtree(draft, ignore_errors=True)
    settings = BrokerSettings(port=1, controller_port=2, log_folder=draft)
    properties = data / "format.properties"
    properties.write_text(render_properties(settings.properties()), encoding="ascii")
    done = subprocess.run(
        runtime.command(
            ["-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"],
            "kafka.tools.StorageTool",
            *("format", "--cluster-id", _new_cluster_id(), "--config", str(properties)),
        ),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise TurnlogError(f"Kafka could not format {data}: {(done.stderr or done.stdout).strip()}")
    properties.unlink()
    draft.rename(log_folder)


def _new_cluster_id() -> str:
    """Return a random id as Kafka writes them: 22 characters of base64, not led by a dash (it would be an option)."""
    while True:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not cluster_id.startswith("-"):
            return cluster_id
