"""What a component of the stack is: a program to be kept running."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class ComponentState(StrEnum):
    """Where a component is in its life."""

    WAITING = "waiting"
    """Not started yet: what it needs is not ready."""
    STARTING = "starting"
    """Its process runs and does not answer yet."""
    READY = "ready"
    """It answers."""
    RESTARTING = "restarting"
    """It died; its next start is due soon."""
    STOPPING = "stopping"
    """It was asked to end."""
    STOPPED = "stopped"
    """It ended as it was asked to."""


@dataclass(frozen=True, kw_only=True)
class Component:
    """A program, and how to tell that it is ready.

    Attributes:
        name: Unique in the stack, such as ``sink-0``; it names the log file too.
        command: Its command line.
        environment: Variables beside the ones that the supervisor has itself.
        ready: Asked again and again until it says yes. Blocks for at most half a second.
        ready_file: Removed before each start; for programs that touch a file when they are ready.
        start_timeout: Seconds after which a process that is not ready is killed and started again.
        stop_timeout: Seconds between SIGTERM and SIGKILL.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    ready: Callable[[], bool]
    ready_file: Path | None = None
    start_timeout: float = 60.0
    stop_timeout: float = 15.0
