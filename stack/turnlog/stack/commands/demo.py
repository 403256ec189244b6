"""`turnlog demo`: scripted chatbots on the real pipeline, then what it knows about them."""

import time
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from turnlog.producers import Client
from turnlog.sinks.query import ClickHouse
from turnlog.stack.account import Account
from turnlog.stack.commands.account import account_of, print_account
from turnlog.stack.commands.options import DataOption
from turnlog.stack.demo import Outcome, Section, Show, hosted, run_show, sections
from turnlog.stack.demo.host import Place
from turnlog.stack.printable import one_line
from turnlog.stack.rowtable import STRINGS, print_table
from turnlog.stack.servers import Servers
from turnlog.stack.supervisor import StartFailedError

_ACCOUNT_SECONDS = 60.0
_MOST_ROWS = 60
_TEXT_WIDTH = 90


def register(app: typer.Typer) -> None:
    """Put the command on the application."""
    app.command()(demo)


def demo(
    *,
    seconds: Annotated[float, typer.Option(min=1, max=3600, metavar="N", help="How long the bots chat.")] = 16.0,
    seed: Annotated[int, typer.Option(help="Of all that is left to chance.")] = 1,
    kafka_port: Annotated[int, typer.Option(min=1, max=65535, help="Of a stack that is started for it.")] = 9092,
    clickhouse_port: Annotated[int, typer.Option(min=1, max=65535, help="Same.")] = 8123,
    data: DataOption = None,
) -> None:
    """Let scripted chatbots talk for a while, then print what the pipeline knows; exit with 0 if its account balances.

    No model is involved: answers, delays and failures are made up. Everything after the bots is the real pipeline.
    Starts a stack in the data directory if none runs there, and stops it again.
    """
    console = Console(highlight=False)

    def tell(text: str) -> None:
        console.print(Text(f"{datetime.now().astimezone():%H:%M:%S} {text}", style="dim"), soft_wrap=True)

    # A tenant of its own keeps the chats of earlier demos out of the tables.
    tenant = f"demo-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    try:
        with hosted(Place(data, kafka_port, clickhouse_port), tell) as servers:
            connection = servers.kafka_connection()
            tell(f"three scripted chatbots talk for {seconds:g} s, as tenant {tenant}; none of them is a model")
            outcome = run_show(
                Show(
                    seconds=seconds,
                    seed=seed,
                    client=lambda service: Client(service, tenant=tenant, environment="demo", connection=connection),
                    now=time.monotonic,
                    sleep=time.sleep,
                    tell=tell,
                )
            )
            tell(f"{len(outcome.turns)} turns taken; waiting until everything is in the tables")
            for producer, result in outcome.producers.items():
                if not result.complete:
                    tell(f"{producer} lost events: {dict(result.reasons)}, {result.pending} pending")
            account = _account(servers, outcome)
            for section in sections(outcome, tenant):
                _print(section, servers, console)
            console.rule(Text("The account of this demo's clients"), align="left")
            print_account(account, console)
            balanced = _proven(account, outcome, console)
    except StartFailedError as error:
        typer.echo(f"turnlog: {error}", err=True)
        for line in error.tail:
            typer.echo(f"  {line}", err=True)
        raise typer.Exit(1) from error
    if not balanced:
        raise typer.Exit(1)


def _account(servers: Servers, outcome: Outcome) -> Account:
    return account_of(servers, wait=_ACCOUNT_SECONDS, producers=tuple(outcome.producers))


def _proven(account: Account, outcome: Outcome, console: Console) -> bool:
    """Hold the account against what the clients themselves say: none is missing from it, and none lost anything."""
    absent = outcome.producers.keys() - {entry.producer_id for entry in account.entries}
    for producer in sorted(absent):
        console.print(f"{producer} is not in the account at all", soft_wrap=True)
    return account.balanced and not absent


def _print(section: Section, servers: Servers, console: Console) -> None:
    console.rule(Text(section.title), align="left")
    console.print(Text(section.query, style="dim"), soft_wrap=True)
    console.print()
    if section.before:
        console.print(Text(one_line(section.before)), soft_wrap=True)
    with ClickHouse(servers.clickhouse).stream(section.query, fmt=STRINGS) as answer:
        if not print_table(answer, console, most=_MOST_ROWS, width=_TEXT_WIDTH):
            console.print("nothing")
    console.print()
