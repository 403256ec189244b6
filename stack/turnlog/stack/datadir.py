"""The folder that holds a stack: its data, logs, keys, and what runs."""

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from turnlog.processors.keys import KeyFile, new_ring
from turnlog.schemas.errors import UserError

DEFAULT_FOLDER = Path(".turnlog")


@dataclass(frozen=True)
class DataDirectory:
    """Where the parts of a stack keep what is theirs.

    Attributes:
        path: The folder, absolute.
    """

    path: Path

    @classmethod
    def choose(cls, data: Path | None, environ: Mapping[str, str] = os.environ) -> "DataDirectory":
        """Choose the folder: the one given, else TURNLOG_DATA's, else ``.turnlog`` where one stands."""
        chosen = data or Path(environ.get("TURNLOG_DATA") or DEFAULT_FOLDER)
        return cls(chosen.expanduser().resolve())

    @property
    def state(self) -> Path:
        """The file that says what runs."""
        return self.path / "stack.json"

    @property
    def kafka(self) -> Path:
        """The broker's data."""
        return self.path / "kafka"

    @property
    def clickhouse(self) -> Path:
        """The tables."""
        return self.path / "clickhouse"

    @property
    def run(self) -> Path:
        """What is of use only while the stack runs; components stand here."""
        return self.path / "run"

    @property
    def logs(self) -> Path:
        """The components' logs."""
        return self.path / "logs"

    @property
    def pseudonym_key(self) -> Path:
        """The keys that tokens for personal data are made with."""
        return self.path / "keys" / "pseudonym.key"

    @property
    def exports(self) -> Path:
        """Where bundles of people's data go that are asked for by the topic."""
        return self.path / "exports"

    def log(self, component: str) -> Path:
        """Name a component's log file."""
        return self.logs / f"{component}.log"

    def ready_file(self, component: str) -> Path:
        """Name the file that a component touches when it is ready."""
        return self.run / f"{component}.ready"

    def create(self) -> None:
        """Make what is missing: the folders, for their owner alone, and the keys.

        Raises:
            UserError: The folder cannot be made or written.
        """
        try:
            for folder in (self.path, self.run, self.logs, self.pseudonym_key.parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            KeyFile(self.pseudonym_key).create(new_ring)
        except OSError as error:
            raise UserError(f"cannot use {self.path} as data directory: {error.strerror}") from error

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for one supervisor; the system lets go of it when that process ends, however it ends.

        Raises:
            UserError: Another process holds it.
        """
        with (self.path / "stack.lock").open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UserError(
                    f"a stack runs in {self.path} already: see it by `turnlog status --data {self.path}`, "
                    "stop it by `turnlog down`, or name another folder"
                ) from error
            yield
