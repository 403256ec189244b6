"""`turnlog privacy`: what people may ask about what is known about them."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from turnlog.schemas import Datum, TransientError, uuid7
from turnlog.sinks.audit import Act, append
from turnlog.sinks.rights import REQUEST, Kind, Request
from turnlog.stack.acts import actor
from turnlog.stack.commands.options import DataOption
from turnlog.stack.printable import one_line
from turnlog.stack.rights import (
    Asked,
    BundleFormat,
    Subject,
    ask,
    pseudonyms_of,
    read_asked,
    subject_of,
    wait_for,
    write_bundle,
)
from turnlog.stack.rowtable import print_whole
from turnlog.stack.servers import Servers, resolve

_DAY_US = 86_400_000_000

SubjectOption = Annotated[
    list[str] | None,
    typer.Option("--subject", metavar="ID", help="A user's id, address or pseudonym; - reads it; may be repeated."),
]
ConversationOption = Annotated[
    list[str] | None, typer.Option("--conversation", metavar="ID", help="A chat, whoever took part; may be repeated.")
]
TenantOption = Annotated[str, typer.Option(metavar="T", help="Whose data.")]
ByOption = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who asks; by default who runs this.")]
DueOption = Annotated[int, typer.Option(min=1, max=3650, metavar="DAYS", help="Days until it must be done.")]
WaitOption = Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Wait at most so long for the receipt.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Put the commands on the application."""
    group = typer.Typer(no_args_is_help=True, help="People's rights: erase, export, restrict, release; and receipts.")
    group.command("erase")(erase)
    group.command("restrict")(restrict)
    group.command("release")(release)
    group.command("export")(export)
    group.command("status")(status)
    group.command("receipts")(receipts)
    app.add_typer(group, name="privacy")


def erase(
    *,
    subject: SubjectOption = None,
    conversation: ConversationOption = None,
    tenant: TenantOption = "default",
    by: ByOption = None,
    due: DueOption = 30,
    wait: WaitOption = 60.0,
    data: DataOption = None,
) -> None:
    """Delete everything about a subject up to now, and keep deleting what of it arrives later."""
    _ask(Kind.ERASE, (subject, conversation, tenant), by=by, due=due, wait=wait, data=data)


def restrict(
    *,
    subject: SubjectOption = None,
    conversation: ConversationOption = None,
    tenant: TenantOption = "default",
    by: ByOption = None,
    due: DueOption = 30,
    wait: WaitOption = 60.0,
    data: DataOption = None,
) -> None:
    """Put everything about a subject on hold, now and later: neither retention nor an erasure deletes it."""
    _ask(Kind.RESTRICT, (subject, conversation, tenant), by=by, due=due, wait=wait, data=data)


def release(
    *,
    subject: SubjectOption = None,
    conversation: ConversationOption = None,
    tenant: TenantOption = "default",
    by: ByOption = None,
    due: DueOption = 30,
    wait: WaitOption = 60.0,
    data: DataOption = None,
) -> None:
    """End a subject's restrictions."""
    _ask(Kind.RELEASE, (subject, conversation, tenant), by=by, due=due, wait=wait, data=data)


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The zip archive to write.")],
    *,
    subject: SubjectOption = None,
    conversation: ConversationOption = None,
    tenant: TenantOption = "default",
    form: Annotated[BundleFormat, typer.Option("--format", help="How rows are written.")] = BundleFormat.JSONL,
    data: DataOption = None,
) -> None:
    """Write everything about a subject into one archive: a file for each table, and a manifest."""
    servers = resolve(data)
    found = _subject(servers, subject, conversation, tenant)
    now = time.time_ns() // 1000
    request = Request(uuid7(), tenant, Kind.EXPORT, found.tokens, found.conversations, range_to=now)
    counts = write_bundle(servers.clickhouse, request, file, form)
    total = sum(counts.values())
    attributes = {REQUEST: request.id, **{f"rows.{table}": str(count) for table, count in counts.items() if count}}
    act = Act(actor(), "privacy.export", request.subject, tenant, rows=total, attributes=attributes)
    try:
        append(servers.kafka_connection(), act)
    except TransientError:
        file.unlink()  # nothing leaves unrecorded
        raise
    typer.echo(f"{total} rows of {sum(map(bool, counts.values()))} tables in {file}")


def status(
    *,
    tenant: Annotated[str | None, typer.Option(metavar="T", help="Only this tenant's.")] = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Show every request and what became of it; exit with 1 if one is overdue."""
    asked = read_asked(resolve(data).kafka_connection(), tenant)
    now = time.time_ns() // 1000
    if as_json:
        typer.echo(json.dumps([_plain(each, now) for each in asked], indent=2, ensure_ascii=False))
    else:
        table = Table("request", "tenant", "kind", "subject", "asked", "due", "state", "rows", "late rows", box=None)
        for each in asked:
            request = each.request
            answer, *late = each.receipts or (None,)
            table.add_row(
                request["privacy_request_id"],
                one_line(request["tenant_id"], 20),
                request["kind"],
                one_line(request["subject_key"], 30),
                _day(request["event_time"]),
                _day(request["due"]),
                each.state(now),
                str(answer["rows_affected"] or 0) if answer else "",
                str(sum(event["rows_affected"] or 0 for event in late)) if late else "",
            )
        print_whole(table, Console())
    if any(each.state(now) == "overdue" for each in asked):
        raise typer.Exit(1)


def receipts(
    request: Annotated[str | None, typer.Argument(metavar="ID", help="Only this request's.")] = None,
    *,
    tenant: Annotated[str | None, typer.Option(metavar="T", help="Only this tenant's.")] = None,
    data: DataOption = None,
) -> None:
    """Print receipts, a JSON object a line, as they stand in the audit trail: what, how many, when, verified how."""
    for each in read_asked(resolve(data).kafka_connection(), tenant):
        if request in (None, each.request["privacy_request_id"]):
            for event in each.receipts:
                typer.echo(json.dumps(event, ensure_ascii=False, sort_keys=True))


def _ask(
    kind: Kind,
    who: tuple[list[str] | None, list[str] | None, str],
    *,
    by: str | None,
    due: int,
    wait: float,
    data: Path | None,
) -> None:
    servers = resolve(data)
    subject, conversation, tenant = who
    found = _subject(servers, subject, conversation, tenant)
    connection = servers.kafka_connection()
    now = time.time_ns() // 1000
    number = ask(
        connection,
        kind,
        found,
        tenant=tenant,
        requested_by=by or actor(),
        due_us=now + due * _DAY_US,
        now_us=now,
    )
    typer.echo(f"request {number}: {kind} {len(found.tokens)} pseudonyms, {len(found.conversations)} chats")
    receipt = wait_for(connection, number, wait) if wait else None
    if receipt is None:
        typer.echo("no receipt yet: see `turnlog privacy status`")
        return
    _print(receipt)
    if receipt["outcome"] != "done":
        raise typer.Exit(1)


def _subject(servers: Servers, subject: list[str] | None, conversation: list[str] | None, tenant: str) -> Subject:
    named = [sys.stdin.readline().strip() if each == "-" else each for each in subject or ()]
    return subject_of(named, conversation or (), tenant, pseudonyms_of(servers))


def _print(receipt: Datum) -> None:
    rows = {
        name.removeprefix("rows."): count for name, count in receipt["attributes"].items() if name.startswith("rows.")
    }
    where = ", ".join(f"{table} {count}" for table, count in rows.items())
    typer.echo(f"{receipt['outcome']}: {receipt['rows_affected']} rows{f' ({where})' if where else ''}")
    for line in (receipt["reason"], receipt["attributes"].get("verified")):
        if line:
            typer.echo(line)
    typer.echo(f"receipt {receipt['chain_number']} of tenant {receipt['tenant_id']}: {receipt['hash']}")


def _plain(asked: Asked, now: int) -> dict[str, object]:
    request = asked.request
    names = ("privacy_request_id", "tenant_id", "kind", "subject_key", "requested_by", "event_time", "due")
    return {
        **{name: request[name] for name in names},
        "state": asked.state(now),
        "receipts": [
            {name: event[name] for name in ("outcome", "reason", "rows_affected", "attributes", "event_time", "hash")}
            for event in asked.receipts
        ],
    }


def _day(time_us: int | None) -> str:
    return "" if time_us is None else time.strftime("%Y-%m-%d %H:%M", time.gmtime(time_us / 1_000_000))
