"""`turnlog replay`: chats from a file, through the client."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from turnlog.producers import Client, Limits
from turnlog.schemas import UserError
from turnlog.stack import replay as parts
from turnlog.stack import topics
from turnlog.stack.acts import note_act
from turnlog.stack.commands.options import DataOption
from turnlog.stack.replay import Pace, Replay, Summary, Timing, read_lines
from turnlog.stack.replay.lines import STDIN
from turnlog.stack.servers import Servers, resolve

_MOST_COMPLAINTS = 100


def register(app: typer.Typer) -> None:
    """Put the command on the application."""
    app.command()(replay)


def replay(
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSONL, gzipped or not; - for standard input.")],
    *,
    rate: Annotated[float | None, typer.Option(min=0.001, metavar="N", help="Calls a second; else full speed.")] = None,
    repeat: Annotated[int, typer.Option(min=1, metavar="N", help="Rounds; ids of later ones end in #2, #3 …")] = 1,
    tenant: Annotated[str, typer.Option(help="Whose chats these are.")] = "default",
    service: Annotated[str, typer.Option(help="The chatbot's name.")] = "replay",
    environment: Annotated[str, typer.Option(help="production, staging …")] = "production",
    data: DataOption = None,
) -> None:
    """Send chats in OpenAI's `messages` shape as model calls: one for each message of the assistant.

    A call's duration is the line's or message's own (duration_ms, latency_ms …), else the time between question and
    answer where both have one, else nominal: 0.2 s and 4 ms for each character, marked by the attribute
    turnlog.duration=nominal. Token counts are those of the file, or unknown. Lines that are no chats are told and
    skipped, and the exit code is 1.
    """
    if file == STDIN and repeat > 1:
        raise UserError("standard input can be read once: leave --repeat out, or give a file")
    if file != STDIN and not Path(file).is_file():
        raise UserError(f"{file} is no file" if Path(file).exists() else f"there is no file {file}")
    servers = resolve(data)
    _check_topics(servers)
    complaints = _Complaints()
    client = Client(
        service,
        tenant=tenant,
        environment=environment,
        connection=servers.kafka_connection(),
        limits=Limits(queue_events=100_000),
    )
    with _bar(file, repeat) as watch:
        sender = Replay(client, Pace(rate, time.monotonic, time.sleep), complaints.add, watch)
        stopped_by: BaseException | None = None
        try:
            for number in range(1, repeat + 1):
                sender.run(read_lines(file), "" if number == 1 else f"#{number}")
                complaints.repeated = True
        except (KeyboardInterrupt, UserError) as error:
            stopped_by = error  # what was handed over before is sent and told of nonetheless
        summary = sender.finish()
    complaints.end()
    _print(summary, client.producer_id)
    note_act(
        servers.kafka_connection(),
        "replay",
        f"service {service}",
        tenant=tenant,
        rows=summary.calls,
        attributes={"producer_id": client.producer_id, "chats": str(summary.chats)},
    )
    if stopped_by is not None:
        raise stopped_by
    if not summary.complete:
        raise typer.Exit(1)


class _Complaints:
    """Tells of bad lines once, in the first round, and of not more than a terminal can take."""

    def __init__(self) -> None:
        self.repeated = False
        self._count = 0

    def add(self, number: int, why: str) -> None:
        if not self.repeated:
            self._count += 1
            if self._count <= _MOST_COMPLAINTS:
                typer.echo(f"line {number}: {why}; skipped", err=True)

    def end(self) -> None:
        if self._count > _MOST_COMPLAINTS:
            typer.echo(f"and {self._count - _MOST_COMPLAINTS} more lines were skipped", err=True)


def _check_topics(servers: Servers) -> None:
    missing = [state.name for state in topics.inspect(servers.kafka_connection()) if not state.found]
    if missing:
        raise UserError(f"Kafka has no topic {missing[0]}: run `turnlog topics apply`")


@contextmanager
def _bar(file: str, repeat: int) -> Iterator[Callable[[parts.Progress], None]]:
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    size = Path(file).stat().st_size if file != STDIN else 0
    columns = (TextColumn("{task.fields[calls]} calls"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("replay", total=size * repeat or None, calls=0)
        before = last = 0

        def watch(now: parts.Progress) -> None:
            nonlocal before, last
            if now.position < last:
                before += size
            last = now.position
            progress.update(task, completed=before + last, calls=now.calls)

        yield watch


def _print(summary: Summary, producer: str) -> None:
    result = summary.result
    rate = summary.calls / summary.seconds if summary.seconds else 0.0
    typer.echo(
        f"{summary.calls} calls of {summary.chats} chats in {summary.seconds:.1f} s ({rate:.0f}/s), "
        f"{summary.bad} lines skipped, producer {producer}"
    )
    typer.echo(f"sent {result.sent}, failed {result.failed}, dropped {result.dropped}, pending {result.pending}")
    if result.reasons:
        typer.echo("lost: " + ", ".join(f"{reason} {count}" for reason, count in result.reasons.items()))
    nominal = summary.timings.get(Timing.NOMINAL, 0)
    if nominal:
        typer.echo(f"{nominal} calls have a nominal duration, for the file has none (turnlog.duration=nominal)")
