"""Stopping a stack from outside: one whose supervisor runs, or what a killed supervisor left."""

import signal
import time
from collections.abc import Callable, Iterable
from itertools import groupby

from turnlog.schemas.errors import TurnlogError
from turnlog.stack.datadir import DataDirectory
from turnlog.stack.identity import ProcessIdentity, processes_with
from turnlog.stack.state import read_state
from turnlog.stack.supervisor.process import STACK_VARIABLE

_PAUSE_SECONDS = 0.05
_SUPERVISOR_PATIENCE_SECONDS = 120.0
_COMPONENT_PATIENCE_SECONDS = 30.0


def stop_stack(directory: DataDirectory, tell: Callable[[str], None]) -> bool:
    """Stop the stack of a data directory, whatever state it is in. Blocks until nothing of it runs.

    Returns:
        Whether anything had to be stopped.

    Raises:
        TurnlogError: A process cannot be ended.
        UserError: Another supervisor has taken the folder meanwhile.
    """
    if not directory.path.is_dir():
        return False
    state = read_state(directory.state)
    asked = state is not None and _end((state.supervisor,), _SUPERVISOR_PATIENCE_SECONDS)
    with directory.lock():
        return stop_leftovers(directory, tell) or asked


def stop_leftovers(directory: DataDirectory, tell: Callable[[str], None]) -> bool:
    """Stop the components that run although their supervisor does not, and forget its state file.

    Returns:
        Whether there were any.

    Raises:
        TurnlogError: A process cannot be ended.
    """
    state = read_state(directory.state)
    recorded = list(reversed(state.components)) if state else []
    found = False
    for kind, records in groupby(recorded, lambda record: record.name.rstrip("0123456789")):
        processes = [record.process for record in records if record.process is not None]
        if _end(processes, _COMPONENT_PATIENCE_SECONDS):
            tell(f"stopped {kind.rstrip('-')}, which its supervisor had left behind")
            found = True
    # The supervisor may have been killed between starting a process and writing that down.
    if _end(processes_with(STACK_VARIABLE, str(directory.path)), _COMPONENT_PATIENCE_SECONDS):
        tell("stopped a process that nobody had a record of")
        found = True
    directory.state.unlink(missing_ok=True)
    return found


def _end(processes: Iterable[ProcessIdentity], patience: float) -> bool:
    """Ask processes to end, and kill those that have not after `patience` seconds; False if none was running."""
    running = [process for process in processes if process.send(signal.SIGTERM)]
    found = bool(running)
    asked_at = time.monotonic()
    while running := [process for process in running if process.alive()]:
        waited = time.monotonic() - asked_at
        if waited > patience:
            for process in running:
                process.send(signal.SIGKILL)
        if waited > patience + 10:
            pids = ", ".join(str(process.pid) for process in running)
            raise TurnlogError(f"cannot end the processes with the pids {pids}")
        time.sleep(_PAUSE_SECONDS)
    return found
