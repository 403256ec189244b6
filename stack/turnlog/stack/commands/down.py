"""`turnlog down`: stops a stack."""

import typer

from turnlog.stack.commands.options import DataOption
from turnlog.stack.datadir import DataDirectory
from turnlog.stack.supervisor import stop_stack


def register(app: typer.Typer) -> None:
    """Put the command on the application."""
    app.command()(down)


def down(data: DataOption = None) -> None:
    """Stop the stack of the data directory and wait until all of it has ended. Its data stay."""
    directory = DataDirectory.choose(data)
    stopped = stop_stack(directory, typer.echo)
    typer.echo(f"stopped the stack in {directory.path}" if stopped else f"no stack runs in {directory.path}")
