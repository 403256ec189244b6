"""The commands: a module for each, of its name, that puts it on the application by its `register`.

A module is loaded when its command is called for: together they bring along everything that turnlog has, and no command
should wait for that.
"""

from importlib import import_module

import typer

COMMANDS = (
    "up",
    "down",
    "status",
    "demo",
    "replay",
    "sql",
    "tail",
    "account",
    "topics",
    "migrate",
    "schema",
    "redact",
    "keys",
    "audit",
    "privacy",
    "reprocess",
    "access",
)
"""In the order in which the help lists them; a new one is one more line here."""


def register(app: typer.Typer, name: str) -> None:
    """Load a command, and put it on the application."""
    import_module(f"turnlog.stack.commands.{name}").register(app)


__all__ = ["COMMANDS", "register"]
