"""`turnlog audit`: proves that nobody changed the audit trail."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from turnlog.schemas import Datum, UserError
from turnlog.sinks import client
from turnlog.sinks.audit import Anchor, Break, chains, check, lines_of, read_lines, read_table, read_topic
from turnlog.stack.commands.options import DataOption
from turnlog.stack.servers import Servers, resolve

_HASH = re.compile("[0-9a-f]{64}")

TenantOption = Annotated[str | None, typer.Option(metavar="T", help="Only this tenant's chain; * is the pipeline's.")]


class Source(StrEnum):
    """Where events are read."""

    CLICKHOUSE = "clickhouse"
    KAFKA = "kafka"


SourceOption = Annotated[Source, typer.Option(help="Where the events are read.")]


def register(app: typer.Typer) -> None:
    """Put the commands on the application."""
    group = typer.Typer(no_args_is_help=True, help="The audit trail: who did what, in a chain that shows any change.")
    group.command("verify")(verify)
    group.command("export")(export)
    group.command("anchor")(anchor)
    app.add_typer(group, name="audit")


def verify(
    *,
    tenant: TenantOption = None,
    source: SourceOption = Source.CLICKHOUSE,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="What `audit export` wrote; then no server is asked.")
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option("--anchor", metavar="FILE|HASH", help="What `audit anchor` printed earlier, or only its hash."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    data: DataOption = None,
) -> None:
    """Prove that every chain is whole; exit with 1 and name the first break of each if one is not.

    That the end of a chain was cut off shows only against an anchor that was kept elsewhere.
    """
    if file is None:
        found = chains(_events(resolve(data), source, tenant))
    else:
        found = chains(each for each in read_lines(file) if tenant in (None, each["tenant_id"]))
    anchors = [each for text in against or () for each in _anchors(text, tenant, found)]
    for each in anchors:
        found.setdefault(each.tenant, [])
    if tenant is not None and tenant not in found:
        raise UserError(f"tenant {tenant} has no events there, and no anchor says that it should")
    breaks = [one for each, events in found.items() if (one := check(each, events, anchors)) is not None]
    if as_json:
        report = {
            "whole": not breaks,
            "chains": {each: len(events) for each, events in found.items()},
            "breaks": [{**asdict(one), "text": str(one)} for one in breaks],
        }
        typer.echo(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        _print(found, breaks)
    if breaks:
        raise typer.Exit(1)


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write JSON lines.")],
    *,
    tenant: TenantOption = None,
    source: SourceOption = Source.KAFKA,
    data: DataOption = None,
) -> None:
    """Write every event with its hash, one JSON object a line, chain by chain."""
    found = chains(_events(resolve(data), source, tenant))
    try:
        with file.open("w", encoding="utf-8") as out:
            for events in found.values():
                out.writelines(lines_of(events))
    except OSError as error:
        raise UserError(f"can't write {file}: {error.strerror}") from error
    typer.echo(f"{sum(map(len, found.values()))} events of {len(found)} chains in {file}")


def anchor(*, tenant: TenantOption = None, source: SourceOption = Source.KAFKA, data: DataOption = None) -> None:
    """Print each chain's head as a line of JSON. Keep it where whoever can write the tables can't."""
    for events in chains(_events(resolve(data), source, tenant)).values():
        typer.echo(json.dumps(asdict(Anchor.of(events[-1])), ensure_ascii=False))


def _events(servers: Servers, source: Source, tenant: str | None) -> Sequence[Datum]:
    if source is Source.KAFKA:
        return read_topic(servers.kafka_connection(), tenant)
    server = client(servers.clickhouse)
    try:
        return read_table(server, tenant)
    finally:
        server.close()


def _anchors(text: str, tenant: str | None, found: dict[str, list[Datum]]) -> list[Anchor]:
    if _HASH.fullmatch(text):
        # Whose it is, it does not say: the one chain that has it, else the one that is asked about.
        owners = [each for each, events in found.items() if any(event["hash"] == text for event in events)]
        known = owners or ([tenant] if tenant else list(found) if len(found) == 1 else [])
        if not known:
            raise UserError(f"no chain has the hash {text}: name its tenant by --tenant")
        return [Anchor(known[0], 0, text, "")]
    try:
        lines = Path(text).read_text(encoding="utf-8").splitlines()
        anchors = [Anchor(**json.loads(line)) for line in lines if line.strip()]
    except OSError as error:
        raise UserError(f"--anchor {text}: neither a hash nor a file that can be read: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise UserError(f"--anchor {text}: not what `turnlog audit anchor` prints") from error
    return [each for each in anchors if tenant is None or each.tenant == tenant]


def _print(found: dict[str, list[Datum]], breaks: Sequence[Break]) -> None:
    broken = {one.tenant: one for one in breaks}
    for tenant, events in found.items():
        if tenant in broken:
            typer.echo(str(broken[tenant]))
        else:
            head = Anchor.of(events[-1])
            typer.echo(f"tenant {tenant}: {head.number} events, whole; head {head.hash} of {head.time}")
    if not found:
        typer.echo("the audit trail is empty")
