"""`turnlog migrate`: the tables, views and retention of this version."""

from typing import Annotated

import typer

from turnlog.sinks import Migrated
from turnlog.sinks import migrate as migrate_database
from turnlog.stack.acts import note_migration
from turnlog.stack.commands.options import DataOption
from turnlog.stack.servers import resolve


def register(app: typer.Typer) -> None:
    """Put the command on the application."""
    app.command()(migrate)


def migrate(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the statements and run none.")] = False,
    data: DataOption = None,
) -> None:
    """Create the tables and views that are missing and set retention; does nothing when all is as it should be."""
    servers = resolve(data)
    done = migrate_database(servers.clickhouse, dry_run=dry_run)
    if not dry_run:
        note_migration(servers, done)
    if dry_run:
        for statement in done.statements:
            typer.echo(f"{statement.strip()};\n")
    for line in _summary(done, dry_run=dry_run):
        typer.echo(line, err=dry_run)


def _summary(done: Migrated, *, dry_run: bool) -> list[str]:
    would = "would be " if dry_run else ""
    lines = [f"{would}applied: {name}" for name in done.applied]
    lines += [f"retention {would}set: {table}" for table in done.retention]
    return lines or ["nothing to do: the database is up to date"]
