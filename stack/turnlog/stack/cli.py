"""The command line: one application, a module of commands for each noun, and one way to end in an error."""

import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from turnlog.schemas.errors import TurnlogError, UserError
from turnlog.stack.commands import COMMANDS, register

_INTERRUPTED = 130  # as shells count a program that SIGINT ended


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"turnlog {version('turnlog')}")
        raise typer.Exit


def _root(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Streaming logs for chatbots: Kafka, Faust and ClickHouse, exactly once and redacted."""


def build(command: str | None = None) -> typer.Typer:
    """Put the application together: with one command alone, if that is the name of one, else with all."""
    app = typer.Typer(name="turnlog", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=True)
    app.callback()(_root)
    for name in (command,) if command in COMMANDS else COMMANDS:
        register(app, name)
    return app


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code: 2 for what the user can fix, 1 for any other error of ours."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        build(words[0] if words else None)(arguments)
    except UserError as error:
        typer.echo(f"turnlog: {error}", err=True)
        return 2
    except TurnlogError as error:
        typer.echo(f"turnlog: {error}", err=True)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Who read our output (head, less) has gone: nothing is left to say, also not by the interpreter at its end.
        sys.stdout = None
        return 1
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0
