"""The state file: what a supervisor started, for commands that come later and for its successor when it was killed."""

import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from turnlog.stack.identity import ProcessIdentity


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class ComponentRecord(_Value):
    """One component as the supervisor last saw it.

    Attributes:
        name: Its name in the stack.
        state: A `ComponentState`.
        restarts: How often it was started again.
        process: The process that ran it; None between two.
        since: Unix time of that process's start, in seconds.
        last_end: How the process before it ended, in words.
        log: Its log file.
    """

    name: str
    state: str
    restarts: int = 0
    process: ProcessIdentity | None = None
    since: float | None = None
    last_end: str = ""
    log: str = ""


class StackState(_Value):
    """A stack that runs, or that ran when its supervisor was killed.

    Attributes:
        supervisor: The process that watches.
        kafka: Bootstrap servers.
        clickhouse: URL of the ClickHouse endpoint.
        topic_prefix: What stands before every topic's name.
        ready: Whether everything has been ready at least once.
        components: In the order in which they start.
    """

    supervisor: ProcessIdentity
    kafka: str
    clickhouse: str
    topic_prefix: str
    ready: bool = False
    components: tuple[ComponentRecord, ...] = ()

    def write(self, path: Path) -> None:
        """Replace the file, whole at once.

        Raises:
            OSError: It cannot be written.
        """
        draft = path.with_suffix(".new")
        draft.write_text(self.model_dump_json(indent=2), encoding="utf-8")
        os.replace(draft, path)  # noqa: PTH105 - says what it does better than Path.replace


def read_state(path: Path) -> StackState | None:
    """Read a state file; None when there is none, or none that this version understands."""
    try:
        return StackState.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
