"""One run of a component: a child process that outlives its parent if it must."""

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from turnlog.stack.identity import ProcessIdentity
from turnlog.stack.supervisor.component import Component

STACK_VARIABLE = "TURNLOG_STACK"
"""Names the data directory in the environment of every process of a stack, so that none is ever lost from sight."""


class ChildProcess:
    """A started component.

    It has a session of its own, so that Ctrl-C in a terminal reaches the supervisor alone, and it writes into its log
    file itself, so that it goes on when the supervisor is killed.
    """

    def __init__(self, component: Component, *, log: Path, folder: Path, environment: Mapping[str, str]) -> None:
        """Start the component.

        Args:
            component: What to start.
            log: Where its output is appended.
            folder: Where it stands.
            environment: All its variables but the component's own.

        Raises:
            OSError: The log cannot be written, or the system can start no process.
        """
        if component.ready_file is not None:
            component.ready_file.unlink(missing_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                component.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**environment, **component.environment},
                start_new_session=True,
            )
        # Until it is waited for, its pid is not given to another: there is an identity unless it is dead already.
        self.identity = ProcessIdentity.of(self._process.pid) or ProcessIdentity(self._process.pid, "dead at once")

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def ended(self) -> str | None:
        """Say how the process ended, in words; None while it runs."""
        code = self._process.poll()
        return None if code is None else describe_exit(code)

    def terminate(self) -> None:
        """Ask the process to end."""
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process and what it started, at once, and wait for the end."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def describe_exit(code: int) -> str:
    """Put a return code into words: negative ones are signals."""
    if code >= 0:
        return f"exited with {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
