"""`turnlog tail`: clean events as they come."""

import json
from typing import Annotated

import typer
from rich.console import Console

from turnlog.schemas import UserError, load
from turnlog.schemas.topics import BY_NAME
from turnlog.stack.commands.options import DataOption
from turnlog.stack.servers import resolve
from turnlog.stack.tail import Event, Follower, Selection, Start, line_of, to_plain, types

_POLL_SECONDS = 0.5


def register(app: typer.Typer) -> None:
    """Put the command on the application."""
    app.command()(tail)


def tail(
    *,
    conversation: Annotated[str | None, typer.Option(metavar="ID", help="Only this conversation.")] = None,
    kinds: Annotated[
        list[str] | None, typer.Option("--type", metavar="TYPE", help=f"Only this type; may be repeated: {types()}.")
    ] = None,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Start with the oldest event that Kafka has.")
    ] = False,
    last: Annotated[int, typer.Option("-n", "--last", min=0, max=100_000, help="Start with the N newest.")] = 0,
    most: Annotated[int | None, typer.Option("--max", min=1, help="End after so many events.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object for each event.")] = False,
    data: DataOption = None,
) -> None:
    """Follow clean events, redacted and enriched, as they come, each once. Ctrl-C ends it."""
    if from_beginning and last:
        raise UserError("--from-beginning and -n contradict each other")
    selection = Selection(tuple(kinds or ()), conversation)
    console = Console(highlight=False)
    shown = 0
    try:
        with Follower(resolve(data).kafka_connection(), selection, Start(from_beginning, last)) as follower:
            while most is None or shown < most:
                for event in follower.poll(_POLL_SECONDS):
                    _print(event, console, as_json=as_json)
                    shown += 1
                    if shown == most:
                        break
                _warn(follower)
    except KeyboardInterrupt:
        return


def _print(event: Event, console: Console, *, as_json: bool) -> None:
    if not as_json:
        # To a terminal, what does not fit is cut; into a file or pipe goes all of it.
        console.print(line_of(event), soft_wrap=not console.is_terminal)
        return
    source = event.source._asdict() if event.source else None
    record = to_plain(load(BY_NAME[event.topic].record), event.record)
    head = {"type": event.type, "topic": event.topic, "partition": event.partition, "offset": event.offset}
    typer.echo(json.dumps({**head, "source": source, "record": record}, ensure_ascii=False))


def _warn(follower: Follower) -> None:
    if follower.counts.unreadable:
        typer.echo(f"turnlog: {follower.counts.unreadable} events that no known schema reads", err=True)
        follower.counts.unreadable = 0
