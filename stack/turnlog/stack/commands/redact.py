"""`turnlog redact`: what redaction would replace in texts and records, and whether its rules find their examples."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from turnlog.processors.policies import GROUPS, Configuration, configured, ruleset_of
from turnlog.processors.redaction import builtin, failures
from turnlog.processors.settings import ProcessorSettings
from turnlog.schemas import UserError
from turnlog.stack.printable import one_line
from turnlog.stack.redacting import Find, Preview, lines_of


def register(app: typer.Typer) -> None:
    """Put the command on the application."""
    app.command()(redact)


def redact(
    *,
    file: Annotated[
        str | None,
        typer.Argument(metavar="FILE|-", help="A text file, records as .jsonl, or - for standard input."),
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="GROUP", help=f"Optional rules as well; repeatable: {', '.join(GROUPS)}."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", dir_okay=False, help="Redaction file (default: TURNLOG_REDACTION, else none)."),
    ] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", metavar="TENANT", help="By this tenant's policy.")] = None,
    records: Annotated[
        bool, typer.Option("--records", help="The input is a JSON object a line, each of a record's fields.")
    ] = False,
    record: Annotated[
        str | None, typer.Option("--record", metavar="RECORD", help="Which record; by default what it looks like.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON lines: each find, or each record redacted.")
    ] = False,
    test: Annotated[bool, typer.Option("--test", help="Run the rules' own examples instead.")] = False,
) -> None:
    """Show what would be replaced, line by line, with the names of the rules that say so."""
    groups = frozenset(options or ())
    if not groups <= set(GROUPS):
        raise UserError(f"there is no optional rule set {min(groups - set(GROUPS))}; there are {', '.join(GROUPS)}")
    configuration = configured(config or ProcessorSettings.read().redaction)
    if test:
        _test(configuration, groups)
        return
    if file is None:
        raise UserError("name a file, or - for standard input, or give --test")
    preview = Preview(configuration, tenant, groups)
    text = _read(file)
    if records or record is not None or file.endswith(".jsonl"):
        _show_records(preview, text, record, as_json=as_json)
    else:
        _show_text(preview.text(text), text, as_json=as_json)


def _read(file: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return raw.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: {error}") from error


def _show_text(finds: Iterable[Find], text: str, *, as_json: bool) -> None:
    for find in finds:
        line = text.count("\n", 0, find.span.start) + 1
        column = find.span.start - text.rfind("\n", 0, find.span.start)
        if as_json:
            _echo_json({**find.as_dict(), "line": line, "column": column})
        else:
            typer.echo(f"{line}:{column}\t{_line(find)}")


def _show_records(preview: Preview, text: str, record: str | None, *, as_json: bool) -> None:
    for number, fields in lines_of(text):
        name, redacted, finds = preview.record(fields, record)
        if as_json:
            found = [find.as_dict() for find in finds]
            _echo_json({"line": number, "record": name, "redacted": redacted, "finds": found})
            continue
        for find in finds:
            typer.echo(f"{number}\t{_line(find)}")
        for path in redacted["redaction_withheld"]:
            typer.echo(f"{number}\tWITHHELD\t{one_line(path)}")


def _line(find: Find) -> str:
    span = find.span
    kind = f"{span.type}/{span.subtype}" if span.subtype else span.type
    return f"{kind}\t{span.rule}\t{span.score:.2f}\t{find.text!r}\t{find.replacement}"


def _echo_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


def _test(configuration: Configuration, groups: frozenset[str]) -> None:
    shipped = builtin(groups)
    rulesets = [shipped]
    if configuration.rules:
        rulesets.append(ruleset_of(configuration.rules, shipped.version))
    failed = [each for ruleset in rulesets for each in failures(ruleset)]
    for each in failed:
        typer.echo(each, err=True)
    rules = [rule for ruleset in rulesets for rule in ruleset.rules]
    examples = sum(len(rule.examples) + len(rule.counterexamples) for rule in rules)
    stamp = "+".join(filter(None, (shipped.version, configuration.digest)))
    typer.echo(f"{len(rules)} rules, {examples} examples, {len(failed)} failed (rules {stamp})")
    if failed:
        raise typer.Exit(1)
