"""`turnlog topics`: Kafka's topics as they are and as they should be."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from turnlog.schemas.topics import DEFAULT_PARTITIONS, FOREVER
from turnlog.stack import topics
from turnlog.stack.acts import note_topics
from turnlog.stack.commands.options import DataOption
from turnlog.stack.servers import resolve
from turnlog.stack.topics import TopicState

PartitionsOption = Annotated[
    int,
    typer.Option(
        "--partitions", min=1, max=10_000, help="Partitions of the topics that run side by side: raw, clean and panes."
    ),
]

_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))


def register(app: typer.Typer) -> None:
    """Put the commands on the application."""
    group = typer.Typer(no_args_is_help=True, help="Kafka's topics: what there should be, and what there is.")
    group.command("apply")(apply)
    group.command("list")(list_topics)
    app.add_typer(group, name="topics")


def apply(*, partitions: PartitionsOption = DEFAULT_PARTITIONS, data: DataOption = None) -> None:
    """Create the topics that are missing. What exists is never changed, shrunk or deleted; differences are told."""
    connection = resolve(data).kafka_connection()
    states = topics.apply(connection, partitions)
    note_topics(connection, states)
    console = Console()
    _print(states, console)
    created = sum(state.created for state in states)
    console.print(f"{created} created, {len(states) - created} there already", highlight=False)


def list_topics(
    *,
    partitions: PartitionsOption = DEFAULT_PARTITIONS,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 if a topic is missing or differs.")] = False,
    data: DataOption = None,
) -> None:
    """Show every topic beside what it should be."""
    states = topics.inspect(resolve(data).kafka_connection(), partitions)
    _print(states, Console())
    if check and any(state.state != "ok" for state in states):
        raise typer.Exit(1)


def kept(retention_ms: int) -> str:
    """Say how long messages stay: ``7 d``, ``forever``."""
    if retention_ms == FOREVER:
        return "forever"
    size, unit = next((each for each in _UNITS if retention_ms % each[0] == 0), (1, "ms"))
    return f"{retention_ms // size} {unit}"


def _print(states: Sequence[TopicState], console: Console) -> None:
    table = Table("topic", "record", "partitions", "kept", "compacted", "state", box=None, pad_edge=False)
    for state in states:
        table.add_row(
            state.name,
            state.topic.record,
            str(state.found or state.partitions),
            kept(state.topic.retention_ms),
            "yes" if state.topic.compacted else "",
            state.state,
        )
    console.print(table)
    for state in states:
        for difference in state.differences:
            console.print(f"{state.name}: {difference}", highlight=False, soft_wrap=True)
