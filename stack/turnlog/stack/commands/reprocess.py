"""`turnlog reprocess`: what the raw topics still hold, refined by newer rules and put in place of what is stored."""

import re
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table as Columns

from turnlog.schemas import Topic, UserError, raw_topics
from turnlog.schemas.topics import RAW, clean_name
from turnlog.sinks import Address
from turnlog.sinks.routes import ROUTES
from turnlog.stack.acts import recorded
from turnlog.stack.commands.options import DataOption
from turnlog.stack.keyfile import processor_settings
from turnlog.stack.reprocess import Counts, RawRange, Refining, Table
from turnlog.stack.reprocess import reprocess as reprocess_topic
from turnlog.stack.servers import resolve

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_AGO = re.compile(r"(\d{1,9})([smhd])")
_MOMENT = "2026-11-24T08:00 (UTC where it says nothing else), or 90m, 12h, 1d ago."


def register(app: typer.Typer) -> None:
    """Put the command on the application."""
    app.command()(reprocess)


def reprocess(
    *,
    since: Annotated[str | None, typer.Option(metavar="TIME", help=f"First broker time: {_MOMENT}")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="The first that is left out; else now.")] = None,
    topic: Annotated[
        list[str] | None, typer.Option("--topic", metavar="NAME", help="raw.calls …; repeatable. Else all.")
    ] = None,
    name: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="NAME",
            help="Replace what the present rules have refined too, for new keys or a new catalogue. The name goes "
            "behind the version in redaction_rules; a run with the same name goes on where one was stopped.",
        ),
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be replaced.")] = False,
    data: DataOption = None,
) -> None:
    """Refine raw records anew, by the present rules, keys and catalogue, and replace the rows that are stored.

    Rows keep their coordinates and ids. What is not stored stays away: dead letters, what was erased, what has expired.
    Rows under a legal hold, statistics, the account and Kafka's clean topics stay as they are. Stopped in between, run
    it again. For a fraction of a second a batch's rows are there twice, old and new: ask with FINAL meanwhile.
    """
    chosen = _topics(topic)
    now = time.time()
    first, last = (None if each is None else milliseconds(each, now) for each in (since, until))
    servers = resolve(data)
    connection = servers.kafka_connection()
    address = Address.parse(servers.clickhouse)
    console = Console(stderr=True)
    done: list[tuple[str, Counts]] = []
    between = f"{'dry run, ' if dry_run else ''}from {since or 'the beginning'} to {until or 'now'}"
    resource = ", ".join(each.name for each in chosen)
    refining = Refining(
        processor_settings(servers), connection, name, lambda text: console.print(text, highlight=False)
    )
    # Recorded for a dry run too: who runs one reads what was never redacted.
    with refining, recorded("reprocess", resource, between, data=data) as end:
        for each in chosen:
            raw = RawRange(connection, connection.prefix + each.name, first, last)
            with closing(Table(address, ROUTES[clean_name(each.name)].table, refining.schema(each))) as table:
                done.append((each.name, reprocess_topic(each, raw, refining, table, dry_run=dry_run)))
                end.rows = 0 if dry_run else sum(counts.replaced for _, counts in done)
                end.attributes["raw_records_read"] = str(sum(counts.read for _, counts in done))
    _print(done, dry_run=dry_run)
    if any(counts.failed for _, counts in done):
        raise typer.Exit(1)


def milliseconds(text: str, now: float) -> int:
    """Return a moment in milliseconds since 1970 UTC.

    Args:
        text: ISO 8601, in UTC unless it says otherwise, or how long ago, such as ``90m``.
        now: Seconds since 1970 UTC.

    Raises:
        UserError: If it is neither.
    """
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return int((now - int(ago[1]) * _UNITS[ago[2]]) * 1000)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"{text!r} is no time: give {_MOMENT}") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _topics(names: list[str] | None) -> list[Topic]:
    known = {topic.name: topic for topic in raw_topics()}
    wanted = [each if each.startswith(RAW) else RAW + each for each in names or known]
    unknown = [each for each in wanted if each not in known]
    if unknown:
        raise UserError(f"there is no topic {unknown[0]}; there are {', '.join(known)}")
    return [known[each] for each in dict.fromkeys(wanted)]


def _print(done: list[tuple[str, Counts]], *, dry_run: bool) -> None:
    replaced = "to replace" if dry_run else "replaced"
    columns = Columns("topic", "records", replaced, "up to date", "not stored", "held", "failed", box=None)
    for name, counts in done:
        numbers = (counts.read, counts.replaced, counts.current, counts.absent, counts.held, counts.failed)
        columns.add_row(name, *map(str, numbers))
    Console().print(columns)
