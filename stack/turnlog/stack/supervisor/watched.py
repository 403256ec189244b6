"""One component under watch: started, found ready, started again when it dies."""

from collections.abc import Callable
from typing import Protocol

from turnlog.stack.identity import ProcessIdentity
from turnlog.stack.supervisor.backoff import Backoff
from turnlog.stack.supervisor.component import Component, ComponentState


class Running(Protocol):
    """A started process, as the watch needs it."""

    identity: ProcessIdentity

    def ended(self) -> str | None:
        """Say how it ended, in words; None while it runs."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it at once."""


class Watched:
    """A component's state, moved on by `tick`.

    Args:
        component: What is watched.
        spawn: Starts it; an OSError counts as a death.
        say: Told in words what happens.
        backoff: The delays between restarts.
    """

    def __init__(
        self,
        component: Component,
        *,
        spawn: Callable[[Component], Running],
        say: Callable[[str], None],
        backoff: Backoff,
    ) -> None:
        self.component = component
        self.state = ComponentState.WAITING
        self.restarts = 0
        self.failures = 0
        """Deaths in a row; being ready for long enough ends the row."""
        self.was_ready = False
        self.last_end = ""
        self._ready_since: float | None = None
        self._spawn = spawn
        self._say = say
        self._backoff = backoff
        self._process: Running | None = None
        self._since = 0.0
        self._due = 0.0

    @property
    def identity(self) -> ProcessIdentity | None:
        """The process that runs now, if one does."""
        return None if self._process is None else self._process.identity

    def start(self, now: float) -> None:
        """Start the component's process."""
        self._since = now
        self._ready_since = None
        try:
            self._process = self._spawn(self.component)
        except OSError as error:
            self._died(f"could not be started: {error}", now)
            return
        self.state = ComponentState.STARTING

    def tick(self, now: float) -> None:
        """Look at the process and do what is due. Blocks for as long as the component's readiness question."""
        if self.state is ComponentState.RESTARTING and now >= self._due:
            self.restarts += 1
            self.start(now)
        if self._process is None:
            return
        end = self._process.ended()
        if end is not None:
            self._died(end, now)
        elif self.state is ComponentState.STARTING:
            self._look_whether_ready(now)
        elif self._ready_since is not None and now - self._ready_since >= self._backoff.healthy_after:
            self.failures = 0

    def stop(self) -> None:
        """Ask the process to end and start no other."""
        if self._process is None:
            self.state = ComponentState.STOPPED
        else:
            self.state = ComponentState.STOPPING
            self._process.terminate()

    def stopped(self) -> bool:
        """After `stop`: tell whether the process has ended."""
        if self._process is not None and self._process.ended() is not None:
            self._process = None
        if self._process is None:
            self.state = ComponentState.STOPPED
        return self._process is None

    def kill(self) -> None:
        """After `stop`: end the process at once."""
        if self._process is not None:
            self._process.kill()
            self.stopped()

    def _look_whether_ready(self, now: float) -> None:
        if self.component.ready():
            self.state = ComponentState.READY
            self._ready_since = now
            self.was_ready = True
            self._say("ready")
        elif now - self._since > self.component.start_timeout:
            assert self._process is not None
            self._process.kill()
            self._died(f"was not ready within {self.component.start_timeout:g} s", now)

    def _died(self, how: str, now: float) -> None:
        self._process = None
        self.last_end = how
        delay = self._backoff.delay(self.failures)
        self.failures += 1
        self._due = now + delay
        self.state = ComponentState.RESTARTING
        self._say(f"{how}; starting it again in {delay:g} s")
