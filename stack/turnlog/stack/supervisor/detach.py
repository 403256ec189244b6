"""Starting a supervisor that stays when the command that started it ends."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict

from pydantic import ValidationError

from turnlog.schemas.errors import TurnlogError, UserError
from turnlog.stack.datadir import DataDirectory
from turnlog.stack.supervisor.events import Event
from turnlog.stack.supervisor.leftovers import stop_stack
from turnlog.stack.supervisor.plan import StackOptions
from turnlog.stack.supervisor.supervisor import StartFailedError


def detach_stack(options: StackOptions, tell: Callable[[Event], None]) -> None:
    """Start a stack and return when everything is ready. Interrupted, it stops again what it started.

    Raises:
        UserError: It cannot run here as things are.
        StartFailedError: A component did not come up; everything was stopped again.
    """
    directory = DataDirectory(options.data)
    directory.create()
    log = directory.log("supervisor")
    arguments = json.dumps({**asdict(options), "data": str(options.data)})
    with log.open("ab") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-P", "-m", "turnlog.stack.supervisor", arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            cwd=options.data,
            start_new_session=True,
            text=True,
        )
    try:
        decision = _follow(supervisor, tell)
    except BaseException:
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait()
        raise
    if decision.kind == "ready":
        # It is meant to outlive this process: nobody waits for it.
        supervisor.returncode = 0
        return
    supervisor.wait()
    if decision.kind == "refused":
        raise UserError(decision.text)
    stop_stack(directory, lambda text: tell(Event(kind="note", text=text)))  # should the supervisor have been killed
    raise StartFailedError(decision.text, component=decision.component, tail=decision.tail)


def _follow(supervisor: subprocess.Popen[str], tell: Callable[[Event], None]) -> Event:
    """Read events up to the one that decides."""
    assert supervisor.stdout is not None
    with supervisor.stdout as lines:
        for line in lines:
            event = _parse(line)
            if event.kind != "note":
                return event
            tell(event)
    return Event(kind="failed", text="the supervisor ended without a word", component="supervisor")


def _parse(line: str) -> Event:
    try:
        return Event.model_validate_json(line)
    except ValidationError as error:
        raise TurnlogError(f"the supervisor said what nobody understands: {line!r}") from error
