"""The commands. Each module puts its own on the application by its `register`; a new one is one more line here."""

from collections.abc import Callable

import typer

from turnlog.stack.commands import (
    access,
    account,
    audit,
    demo,
    down,
    keys,
    migrate,
    privacy,
    redact,
    replay,
    reprocess,
    schema,
    sql,
    status,
    tail,
    topics,
    up,
)

COMMANDS: tuple[Callable[[typer.Typer], None], ...] = (
    up.register,
    down.register,
    status.register,
    demo.register,
    replay.register,
    sql.register,
    tail.register,
    account.register,
    topics.register,
    migrate.register,
    schema.register,
    redact.register,
    keys.register,
    audit.register,
    privacy.register,
    reprocess.register,
    access.register,
)
"""In the order in which the help lists them."""

__all__ = ["COMMANDS"]
