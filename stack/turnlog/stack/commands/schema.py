"""`turnlog schema`: the records, their fields, and whether they keep the promise of evolution."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from turnlog.schemas import RECORDS, Schema, UserError, load, released
from turnlog.schemas.compatibility import check_all


def register(app: typer.Typer) -> None:
    """Put the commands on the application."""
    group = typer.Typer(no_args_is_help=True, help="The Avro schemas of all records, now and in every release.")
    group.command("list")(list_schemas)
    group.command("show")(show)
    group.command("check")(check)
    app.add_typer(group, name="schema")


def list_schemas(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """List every record: its schema's fingerprint, its number of fields, and the releases that had the same schema."""
    rows = [Row.of(load(record)) for record in RECORDS]
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    table = Table("record", "fingerprint", "fields", "releases", "unchanged in", box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            row.record,
            row.fingerprint,
            str(row.fields),
            ", ".join(map(str, row.releases)) or "none",
            ", ".join(map(str, row.unchanged_in)) or "none",
        )
    Console().print(table)


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A record, such as ModelCall.")],
    version: Annotated[int | None, typer.Option(metavar="N", help="A release; by default the current schema.")] = None,
) -> None:
    """Print a record's schema as JSON."""
    record = next((each for each in RECORDS if each.lower() == name.lower().replace("_", "")), name)
    if version is None:
        schema = load(record)
    else:
        releases = released()
        if version not in releases:
            raise UserError(f"no release {version}; there are {', '.join(map(str, releases)) or 'none'}")
        if record not in releases[version]:
            raise UserError(f"release {version} has no record {name!r}; it has {', '.join(releases[version])}")
        schema = releases[version][record]
    typer.echo(json.dumps(schema.definition, indent=2, ensure_ascii=False))


def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array of breaches.")] = False,
) -> None:
    """Compare every schema with every release, both ways, and with the house rules; exit with 1 if one is broken."""
    findings = check_all()
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            typer.echo(str(finding))
        if not findings:
            typer.echo(f"{len(RECORDS)} records agree with {len(released())} releases")
    if findings:
        raise typer.Exit(1)


@dataclass(frozen=True)
class Row:
    """One record in the list.

    Attributes:
        record: Its name.
        fingerprint: CRC-64-AVRO of the current schema, as it travels, in hexadecimal.
        fields: How many it has.
        releases: Release number → the fingerprint it had there.
    """

    record: str
    fingerprint: str
    fields: int
    releases: Mapping[int, str]

    @classmethod
    def of(cls, schema: Schema) -> "Row":
        """Gather it."""
        name = schema.name
        releases = {number: its[name].fingerprint.hex() for number, its in released().items() if name in its}
        return cls(name, schema.fingerprint.hex(), len(schema.fields), releases)

    @property
    def unchanged_in(self) -> tuple[int, ...]:
        """Releases whose schema reads the same bytes."""
        return tuple(number for number, fingerprint in self.releases.items() if fingerprint == self.fingerprint)
