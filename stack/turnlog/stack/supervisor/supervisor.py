"""The watch over a stack: starts it stage by stage, keeps it running, stops it in reverse order."""

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence

from turnlog.schemas.errors import TurnlogError
from turnlog.stack.datadir import DataDirectory
from turnlog.stack.identity import ProcessIdentity
from turnlog.stack.servers import Servers
from turnlog.stack.state import ComponentRecord, StackState
from turnlog.stack.supervisor.backoff import Backoff
from turnlog.stack.supervisor.component import Component, ComponentState
from turnlog.stack.supervisor.events import Event
from turnlog.stack.supervisor.logs import rotate, tail
from turnlog.stack.supervisor.preparing import Preparing
from turnlog.stack.supervisor.process import ChildProcess
from turnlog.stack.supervisor.stage import Stage
from turnlog.stack.supervisor.watched import Watched

_PAUSE_SECONDS = 0.1
_ROTATION_SECONDS = 10.0


class StartFailedError(TurnlogError):
    """The stack could not be brought up; everything was stopped again.

    Attributes:
        component: The one at fault; empty where it was none.
        tail: The last lines of its log.
    """

    def __init__(self, message: str, *, component: str = "", tail: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.component = component
        self.tail = tail


class Supervisor:
    """Runs a stack until it is told to stop.

    Args:
        data: Where the stack lives; the caller holds its lock.
        servers: What the stack's own servers are called, for the state file.
        stages: What is started, in this order.
        environment: Variables for every component.
        tell: Told what happens.
        backoff: Delays between restarts.
        start_attempts: A component that never was ready and died this often makes the start fail.
    """

    def __init__(
        self,
        data: DataDirectory,
        servers: Servers,
        stages: Sequence[Stage],
        *,
        environment: Mapping[str, str],
        tell: Callable[[Event], None],
        backoff: Backoff | None = None,
        start_attempts: int = 3,
    ) -> None:
        self._data = data
        self._servers = servers
        self._stages = stages
        self._environment = environment
        self._tell = tell
        self._backoff = backoff or Backoff()
        self._start_attempts = start_attempts
        self._watched = [[self._watch(component) for component in stage.components] for stage in stages]
        self._started_at: dict[str, float] = {}
        self._stop_requests = 0
        self._ready = False
        self._written: StackState | None = None
        self._rotation_due = 0.0
        identity = ProcessIdentity.of(os.getpid())
        assert identity is not None, "this process runs"
        self._identity = identity

    def request_stop(self) -> None:
        """Make `run` stop everything and return; asked twice, it does not wait for anyone. Safe in a signal handler."""
        self._stop_requests += 1

    def run(self) -> None:
        """Start everything, watch it, and stop it when that is requested. Blocks all that time.

        Raises:
            StartFailedError: The stack did not come up.
        """
        try:
            self._record()
            for stage, watched in zip(self._stages, self._watched, strict=True):
                self._start(stage, watched)
            if not self._stop_requests:
                self._ready = True
                self._record()
                self._tell(Event(kind="ready", text="everything is ready"))
            while not self._stop_requests:
                self._tick()
        finally:
            self._stop()
            self._data.state.unlink(missing_ok=True)

    def _start(self, stage: Stage, watched: list[Watched]) -> None:
        for one in watched:
            one.start(time.monotonic())
        while not self._stop_requests and any(one.state is not ComponentState.READY for one in watched):
            self._tick()
            self._check_start(watched)
        if stage.preparations and not self._stop_requests:
            self._note(f"preparing {', '.join(one.name for one in stage.preparations)}")
            preparing = Preparing(stage.preparations)
            try:
                while not self._stop_requests and not preparing.finished():
                    self._tick()
            except TurnlogError as error:
                raise StartFailedError(str(error)) from error

    def _check_start(self, watched: list[Watched]) -> None:
        for one in watched:
            # One that was ready once has shown that it can start: it is restarted for as long as it takes.
            if one.state is ComponentState.RESTARTING and not one.was_ready and one.failures >= self._start_attempts:
                name = one.component.name
                log = self._data.log(name)
                raise StartFailedError(
                    f"{name} did not start: it {one.last_end}, {one.failures} times (log: {log})",
                    component=name,
                    tail=tuple(tail(log)),
                )

    def _tick(self) -> None:
        now = time.monotonic()
        for one in self._all():
            one.tick(now)
        self._record()
        if now >= self._rotation_due:
            self._rotation_due = now + _ROTATION_SECONDS
            rotate(self._data.logs.glob("*.log"))
        time.sleep(_PAUSE_SECONDS)

    def _stop(self) -> None:
        """End the stages, the last one first; in a stage all at once."""
        for watched in reversed(self._watched):
            running = [one for one in watched if one.identity is not None]
            asked_at = time.monotonic()
            for one in watched:
                one.stop()
            self._record()
            while running:
                for one in [one for one in running if one.stopped()]:
                    running.remove(one)
                    self._note("stopped", one.component)
                waited = time.monotonic() - asked_at
                for one in running:
                    if waited > one.component.stop_timeout or self._stop_requests > 1:
                        self._note("did not stop when asked; killed", one.component)
                        one.kill()
                if running:
                    time.sleep(_PAUSE_SECONDS / 2)
            self._record()

    def _watch(self, component: Component) -> Watched:
        return Watched(
            component,
            spawn=self._spawn,
            say=lambda text: self._note(text, component),
            backoff=self._backoff,
        )

    def _spawn(self, component: Component) -> ChildProcess:
        child = ChildProcess(
            component, log=self._data.log(component.name), folder=self._data.run, environment=self._environment
        )
        self._started_at[component.name] = time.time()
        self._note(f"started (pid {child.pid})", component)
        return child

    def _all(self) -> list[Watched]:
        return [one for stage in self._watched for one in stage]

    def _note(self, text: str, component: Component | None = None) -> None:
        self._tell(Event(kind="note", text=text, component=component.name if component else ""))

    def _record(self) -> None:
        state = StackState(
            supervisor=self._identity,
            kafka=self._servers.kafka,
            clickhouse=self._servers.clickhouse,
            topic_prefix=self._servers.topic_prefix,
            ready=self._ready,
            components=tuple(self._describe(one) for one in self._all()),
        )
        if state != self._written:
            # A full disk must not stop what runs; the file is written again at the next change.
            with contextlib.suppress(OSError):
                state.write(self._data.state)
                self._written = state

    def _describe(self, one: Watched) -> ComponentRecord:
        name = one.component.name
        return ComponentRecord(
            name=name,
            state=one.state,
            restarts=one.restarts,
            process=one.identity,
            since=self._started_at.get(name) if one.identity is not None else None,
            last_end=one.last_end,
            log=str(self._data.log(name)),
        )
