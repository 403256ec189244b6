"""`turnlog privacy`: what people may ask about what is known about them."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from turnlog.schemas import Datum, UserError, uuid7
from turnlog.sinks.audit import read_topic
from turnlog.sinks.rights import OTHERS, REQUEST, BundleFormat, Kind, Request, receipt_rows, rows_in, write_bundle
from turnlog.stack.acts import actor, recorded
from turnlog.stack.commands.options import DataOption
from turnlog.stack.printable import one_line
from turnlog.stack.rights import Asked, Subject, ask, lookup_of, read_asked, subject_of, wait_for
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
    for kind, what in _ASKED.items():
        group.command(kind.value, help=what)(_command(kind))
    group.command("export")(export)
    group.command("status")(status)
    group.command("receipts")(receipts)
    app.add_typer(group, name="privacy")


_ASKED = {
    Kind.ERASE: "Delete everything about a subject up to now, chats that have begun to their end, and what of it "
    "arrives later.",
    Kind.RESTRICT: "Put everything about a subject on hold, now and later: neither retention nor an erasure deletes "
    "it, and analysts do not see it.",
    Kind.RELEASE: "End a subject's restrictions.",
}


def _command(kind: Kind) -> Callable[..., None]:
    """Return the command that asks for something of a kind."""

    def command(
        *,
        subject: SubjectOption = None,
        conversation: ConversationOption = None,
        tenant: TenantOption = "default",
        by: ByOption = None,
        due: DueOption = 30,
        wait: WaitOption = 60.0,
        data: DataOption = None,
    ) -> None:
        servers = resolve(data)
        found = _subject(servers, subject, conversation, tenant)
        connection = servers.kafka_connection()
        now = time.time_ns() // 1000
        due_us = now + due * _DAY_US
        number = ask(connection, kind, found, tenant=tenant, requested_by=by or actor(), due_us=due_us, now_us=now)
        typer.echo(f"request {number}: {kind} {len(found.tokens)} pseudonyms, {len(found.conversations)} chats")
        receipt = wait_for(connection, number, wait) if wait else None
        if receipt is None:
            typer.echo("no receipt yet: see `turnlog privacy status`")
            return
        _print(receipt)
        if receipt["outcome"] != "done":
            raise typer.Exit(1)

    return command


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
    if file.exists():
        raise UserError(f"{file} exists: name another file")
    now = time.time_ns() // 1000
    request = Request(uuid7(), tenant, Kind.EXPORT, found.tokens, found.conversations, range_to=now)
    with recorded("privacy.export", request.subject, tenant=tenant, data=data) as end:
        end.attributes[REQUEST] = request.id
        bundle = write_bundle(servers.clickhouse, request, file, form)
        end.rows = sum(bundle.rows.values())
        end.attributes |= {"sha256": bundle.sha256, **receipt_rows(bundle.rows)}
    typer.echo(f"{end.rows} rows of {sum(map(bool, bundle.rows.values()))} tables in {file}")
    if not end.rows:
        typer.echo(_NOTHING, err=True)


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
    """Print receipts, a JSON object a line, as they stand in the audit trail: what, how many, when, verified how.

    Exports are among them, and requests that could not be read.
    """
    found = [
        event
        for event in read_topic(resolve(data).kafka_connection(), tenant)
        if event["action"].startswith("privacy.") and request in (None, event["attributes"].get(REQUEST))
    ]
    if request is not None and not found:
        raise UserError(f"there is no receipt of a request {one_line(request, 64)}: see `turnlog privacy status`")
    for event in found:
        typer.echo(json.dumps(event, ensure_ascii=False, sort_keys=True))


def _subject(servers: Servers, subject: list[str] | None, conversation: list[str] | None, tenant: str) -> Subject:
    named = [sys.stdin.readline().strip() if each == "-" else each for each in subject or ()]
    found = subject_of(named, conversation or (), tenant, lookup_of(servers, tenant))
    if found.lost:
        typer.echo(
            f"keys of epoch {', '.join(map(str, found.lost))} are destroyed: what was stored in that time can't be "
            "found by name; give pseudonyms or chats of it, if you know any",
            err=True,
        )
    return found


_NOTHING = "nothing was stored about this subject: is it the right tenant, and the id as the chatbot gives it?"


def _print(receipt: Datum) -> None:
    where = ", ".join(f"{table} {count}" for table, count in rows_in(receipt).items())
    typer.echo(f"{receipt['outcome']}: {receipt['rows_affected']} rows{f' ({where})' if where else ''}")
    others = receipt["attributes"].get(OTHERS)
    left = others and f"{others} rows of other people in the subject's chats stay; --conversation takes all of a chat"
    for line in (receipt["reason"], receipt["attributes"].get("verified"), left):
        if line:
            typer.echo(line)
    if receipt["outcome"] == "done" and not receipt["rows_affected"]:
        typer.echo(_NOTHING, err=True)
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
