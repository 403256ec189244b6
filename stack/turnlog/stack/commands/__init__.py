"""The commands. Each module puts its own on the application by its `register`; a new one is one more line here."""

from collections.abc import Callable

import typer

from turnlog.stack.commands import down, status, up

COMMANDS: tuple[Callable[[typer.Typer], None], ...] = (
    up.register,
    down.register,
    status.register,
)
"""In the order in which the help lists them."""

__all__ = ["COMMANDS"]
