"""Container engines that can run docker-compose.yml, and projects on them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
STAND_IN = Path(__file__).parent / "clickhouse"
SETUP = "COMPOSE_SETUP"

_BUILT_BY = "setup"  # any service that has the image does; one is enough


@dataclass(frozen=True)
class Engine:
    """What runs compose files.

    Attributes:
        compose: The command that takes a compose file.
        build_options: Options of that command when it builds.
    """

    compose: tuple[str, ...]
    build_options: tuple[str, ...] = ()

    def build(self) -> None:
        """Build the image of the stack; blocks, for minutes the first time."""
        run(*self.compose, *self.build_options, "--file", str(FILE), "build", _BUILT_BY)


DOCKER = Engine(("docker", "compose"))
PODMAN = Engine(("podman-compose",), ("--podman-build-args=--network=host",))


def docker_answers() -> bool:
    """Tell whether there is a Docker engine to talk to."""
    if not shutil.which("docker"):
        return False
    return subprocess.run(("docker", "info"), capture_output=True, check=False).returncode == 0


def find_engine(environ: Mapping[str, str] = os.environ) -> Engine | None:
    """Return an engine with all images ready: Docker's, else Podman's as the command in COMPOSE_SETUP prepares it.

    Blocks while images are built. Returns None where there is neither.
    """
    if docker_answers():
        DOCKER.build()
        return DOCKER
    command = environ.get(SETUP)
    if not command:
        return None
    _prepare(command)
    PODMAN.build()
    _prepare_clickhouse(command)
    return PODMAN


def _prepare(command: str, *folder: str) -> None:
    """Call COMPOSE_SETUP, which may be several words, with the compose file and perhaps a folder for ClickHouse."""
    run("sh", "-c", f'{command} "$@"', "sh", str(FILE), *folder)
    if not shutil.which("iptables"):
        # Debian's Podman does not ask for it, and has no networks without it.
        run("apt-get", "install", "--yes", "--quiet", "iptables")


def _prepare_clickhouse(command: str) -> None:
    """Let COMPOSE_SETUP build the stand-in for ClickHouse's image, anew: it runs this checkout's endpoint."""
    stale = run("podman", "images", "--quiet", "--filter", "label=turnlog.stand-in=clickhouse").split()
    if stale:
        run("podman", "rmi", "--force", *dict.fromkeys(stale))
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(STAND_IN, folder, dirs_exist_ok=True)
        _prepare(command, folder)


@dataclass(frozen=True)
class Project:
    """A compose file's services under a name of their own.

    Attributes:
        engine: Runs them.
        name: Stands before the names of containers and volumes.
        settings: Variables of the compose file.
    """

    engine: Engine
    name: str
    settings: Mapping[str, str] = field(repr=False)

    def up(self, *options: str) -> None:
        """Start the services; blocks until those are up that others depend on."""
        self._compose("up", "--detach", *options)

    def kill(self, service: str) -> None:
        """Kill a service's containers with SIGKILL and start them again: engines leave killed ones to who killed."""
        self._compose("kill", service)
        self._compose("start", service)

    def logs(self) -> str:
        """Return the last lines that every service wrote."""
        return self._compose("logs", "--tail", "60", check=False)

    def down(self) -> None:
        """Stop and remove the services and their volumes, whatever state they are in."""
        if self.engine is PODMAN:
            # Its compose command forgets containers that were scaled up, and then can't remove what those depend on.
            run("podman", "pod", "rm", "--force", f"pod_{self.name}", check=False)
        self._compose("down", "--volumes", check=False)

    def _compose(self, *arguments: str, check: bool = True) -> str:
        command = (*self.engine.compose, "--project-name", self.name, "--file", str(FILE), *arguments)
        return run(*command, settings=self.settings, check=check)


def run(*command: str, settings: Mapping[str, str] | None = None, check: bool = True) -> str:
    """Run a command and return what it wrote."""
    done = subprocess.run(
        command,
        env={**os.environ, **(settings or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if check:
        assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout[-8000:]}"
    return done.stdout
