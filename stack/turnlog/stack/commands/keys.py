"""`turnlog keys`: the keys of pseudonyms, their epochs, and their end."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from turnlog.processors.keys import KeyRing, new_ring
from turnlog.schemas import UserError
from turnlog.stack.acts import record_key_act
from turnlog.stack.commands.options import DataOption
from turnlog.stack.keyacts import RecordAct, destroy, moment, rotate, state
from turnlog.stack.keyfile import chosen_file, chosen_ring
from turnlog.stack.rowtable import print_whole, table_of

LEAD_SECONDS = 300
"""How long after its making an epoch begins, unless told otherwise."""

FileOption = Annotated[
    Path | None,
    typer.Option(
        "--file", dir_okay=False, help="The key file (default: TURNLOG_PSEUDONYM_KEY_FILE, else the data directory's)."
    ),
]
TenantOption = Annotated[str | None, typer.Option("--tenant", metavar="TENANT", help="One tenant's keys.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; goes on record.")]


def register(app: typer.Typer, record_act: RecordAct = record_key_act) -> None:
    """Put the commands on the application.

    Args:
        app: The application.
        record_act: Puts what they do on the audit trail.
    """
    group = typer.Typer(no_args_is_help=True, help="Keys that tokens for personal data are made with.")
    group.command("list")(list_keys)
    group.command("create")(create)

    @group.command("rotate")
    def rotate_keys(
        *,
        lead: Annotated[
            int,
            typer.Option("--in", min=1, metavar="SECONDS", help="When it begins: every worker must have it by then."),
        ] = LEAD_SECONDS,
        reason: ReasonOption = None,
        file: FileOption = None,
        data: DataOption = None,
    ) -> None:
        """Make a new key epoch: from its beginning on, the same person gets another token."""
        ring = rotate(chosen_file(file, data), _now_ms(), lead * 1000, partial(record_act, data=data), reason)
        last = ring.epochs[-1]
        typer.echo(f"epoch {last.number} begins at {moment(last.valid_from_ms)} UTC")

    @group.command("destroy")
    def destroy_keys(
        *,
        tenant: TenantOption = None,
        epoch: Annotated[int | None, typer.Option(min=1, help="One epoch's keys.")] = None,
        yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
        reason: ReasonOption = None,
        file: FileOption = None,
        data: DataOption = None,
    ) -> None:
        """Destroy keys for good: the tokens made with them can't be linked to anybody any more, not even by erasure."""
        if tenant is None and epoch is None:
            raise UserError("say what to destroy: --tenant, --epoch, or both")
        what = _sentence(tenant, epoch)
        if not yes and not typer.confirm(f"Destroy {what}? There is no way back."):
            raise typer.Exit(1)
        record = partial(record_act, data=data)
        destroy(chosen_file(file, data), _now_ms(), record, tenant=tenant, epoch=epoch, reason=reason)
        typer.echo(f"destroyed: {what}")

    app.add_typer(group, name="keys")


def list_keys(
    *,
    tenant: TenantOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object for each epoch.")] = False,
    file: FileOption = None,
    data: DataOption = None,
) -> None:
    """List the key epochs, and whose keys are destroyed; never a key."""
    ring = chosen_ring(file, data)
    rows = _rows(ring, tenant)
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row, ensure_ascii=False))
    else:
        types = ["Int", "String", "String", "String", "Int"]
        cells = [[str(each) for each in row.values()] for row in rows]
        print_whole(table_of(list(rows[0]), types, cells), Console())


def create(*, file: FileOption = None, data: DataOption = None) -> None:
    """Make the key file where there is none; one that exists is left alone."""
    keys = chosen_file(file, data)
    try:
        made = keys.create(lambda: new_ring(keys.service))
    except OSError as error:
        raise UserError(f"{keys.path} can't be written: {error.strerror}") from error
    typer.echo(f"{'made' if made else 'there is'} {keys.path}")


def _rows(ring: KeyRing, tenant: str | None) -> list[dict[str, object]]:
    now_ms = _now_ms()
    return [
        {
            "epoch": each.number,
            "valid_from": moment(each.valid_from_ms),
            "state": state(ring, each.number, now_ms, tenant),
            "destroyed": moment(each.destroyed_ms if tenant is None else each.tenants_destroyed_ms.get(tenant)),
            "tenants_destroyed": len(each.tenants_destroyed_ms),
        }
        for each in ring.epochs
    ]


def _sentence(tenant: str | None, epoch: int | None) -> str:
    whose = "every tenant's key" if tenant is None else f"the key of tenant {tenant}"
    return f"{whose} in {'all epochs' if epoch is None else f'epoch {epoch}'}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
