"""`turnlog redact`: what redaction would replace in a text, and whether its rules find their own examples."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from turnlog.processors.redaction import Ruleset, Scanner, builtin, failures
from turnlog.schemas import UserError

_OPTIONS = ("addresses", "names")


def register(app: typer.Typer) -> None:
    """Put the command on the application."""
    app.command()(redact)


def redact(
    *,
    file: Annotated[str | None, typer.Argument(metavar="FILE|-", help="A text file, or - for standard input.")] = None,
    options: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="OPTION", help=f"Optional rules as well; repeatable: {', '.join(_OPTIONS)}."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object for each find.")] = False,
    test: Annotated[bool, typer.Option("--test", help="Run the rules' own examples instead.")] = False,
) -> None:
    """Show what would be replaced in a text, line by line, with the names of the rules that say so."""
    unknown = set(options or ()) - set(_OPTIONS)
    if unknown:
        raise UserError(f"there is no optional rule set {min(unknown)}; there are {', '.join(_OPTIONS)}")
    ruleset = builtin(frozenset(options or ()))
    if test:
        _test(ruleset)
    elif file is None:
        raise UserError("name a file, or - for standard input, or give --test")
    else:
        _show(Scanner(ruleset), _read(file), as_json=as_json)


def _read(file: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return raw.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: {error}") from error


def _show(scanner: Scanner, text: str, *, as_json: bool) -> None:
    for span in scanner.scan(text):
        line = text.count("\n", 0, span.start) + 1
        column = span.start - text.rfind("\n", 0, span.start)
        found = text[span.start : span.end]
        if as_json:
            typer.echo(
                json.dumps({**span._asdict(), "line": line, "column": column, "text": found}, ensure_ascii=False)
            )
        else:
            kind = f"{span.type}/{span.subtype}" if span.subtype else span.type
            typer.echo(f"{line}:{column}\t{kind}\t{span.rule}\t{span.score:.2f}\t{found!r}")


def _test(ruleset: Ruleset) -> None:
    failed = failures(ruleset)
    for each in failed:
        typer.echo(each, err=True)
    examples = sum(len(rule.examples) + len(rule.counterexamples) for rule in ruleset.rules)
    typer.echo(f"{len(ruleset.rules)} rules, {examples} examples, {len(failed)} failed (rules {ruleset.version})")
    if failed:
        raise typer.Exit(1)
