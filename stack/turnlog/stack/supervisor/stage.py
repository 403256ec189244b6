"""The order in which a stack starts."""

from dataclasses import dataclass

from turnlog.stack.preparations import Preparation
from turnlog.stack.supervisor.component import Component


@dataclass(frozen=True)
class Stage:
    """Components that start together, and what is prepared when all of them are ready."""

    components: tuple[Component, ...] = ()
    preparations: tuple[Preparation, ...] = ()
