"""`turnlog account`: proves that nothing that was sent is lost, and nothing is there twice."""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from turnlog.sinks.query import ClickHouse
from turnlog.stack.account import Account, Entry, UnderWay, in_words, read_account, settle
from turnlog.stack.account.wait import Clock
from turnlog.stack.commands.options import DataOption
from turnlog.stack.lag import read_lag
from turnlog.stack.printable import one_line
from turnlog.stack.rowtable import print_whole
from turnlog.stack.servers import Servers, resolve

_MOST_BALANCED = 20


def register(app: typer.Typer) -> None:
    """Put the command on the application."""
    app.command()(account)


def account(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    wait: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Wait at most so long for balance.")] = 30.0,
    producer: Annotated[UUID | None, typer.Option(metavar="ID", help="Only this producer instance.")] = None,
    data: DataOption = None,
) -> None:
    """Prove for each producer instance: sent = stored + dead-lettered + dropped. Exit with 0 only if all balance."""
    found = account_of(resolve(data), wait=wait, producers=(str(producer),) if producer else ())
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        print_account(found, Console())
    if not found.balanced:
        raise typer.Exit(1)


def account_of(servers: Servers, *, wait: float, producers: Sequence[str] = ()) -> Account:
    """Return a pipeline's account; blocks until it balances or for `wait` seconds.

    Raises:
        UserError: ClickHouse can't be asked.
    """
    connection = servers.kafka_connection()
    return settle(
        partial(read_account, ClickHouse(servers.clickhouse), producers),
        UnderWay(partial(read_lag, connection), connection.prefix),
        wait=wait,
        clock=Clock(time.monotonic, time.sleep),
    )


def print_account(found: Account, console: Console) -> None:
    """Print it: all that do not balance, and the newest of those that do."""
    settled = [entry for entry in found.entries if entry.balanced]
    shown = [*(entry for entry in found.entries if not entry.balanced), *settled[-_MOST_BALANCED:]]
    if shown:
        print_whole(_table(shown, found.entries), console)
    if len(settled) > _MOST_BALANCED:
        console.print(f"and {len(settled) - _MOST_BALANCED} more that balance", highlight=False)
    for line in _sentences(found):
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def _table(shown: Sequence[Entry], entries: Sequence[Entry]) -> Table:
    table = Table(box=None, pad_edge=False, show_footer=True, header_style="bold", footer_style="bold")
    table.add_column("producer", "all", no_wrap=True)
    table.add_column("service", f"{len(entries)} producers", no_wrap=True)
    for name, number in (
        ("sent", sum(entry.sent for entry in entries)),
        ("stored", sum(entry.stored for entry in entries)),
        ("dead", sum(entry.dead for entry in entries)),
        ("dropped", sum(sum(entry.dropped.values()) for entry in entries)),
        ("missing", sum(entry.missing for entry in entries)),
    ):
        table.add_column(name, str(number), justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for entry in shown:
        numbers = (entry.sent, entry.stored, entry.dead, sum(entry.dropped.values()), entry.missing)
        table.add_row(
            entry.producer_id,
            one_line(entry.service_name, 30),
            *map(str, numbers),
            "closed" if entry.closed else "open",
            style="" if entry.balanced else "red",
        )
    return table


def _sentences(found: Account) -> Iterator[str]:
    for entry in found.entries:
        if entry.gaps and not entry.balanced:
            dropped = sum(entry.dropped.values())
            which = f", of which {dropped} were dropped" if dropped else ""
            yield f"{entry.producer_id}: nowhere are {in_words(entry.gaps)}{which}"
    for one in found.doubles:
        if one.twice:
            yield f"table {one.table}: {one.twice} of {one.rows} rows hold an event that another row holds"
    for table in found.unsearched:
        yield f"table {table} was not searched for doubles: it is too large"
    if found.under_way_error is not None:
        yield f"unknown is what is still under way: {found.under_way_error}"
    elif found.under_way:
        yield f"{found.under_way} messages are still under way to the tables"
    opened = sum(not entry.closed for entry in found.entries)
    if opened:
        yield f"{opened} producers have not closed: of them, what came after the last that arrived is unknown"
    if not found.entries:
        yield "no producer has sent anything yet"
    yield "the account balances" if found.balanced else "the account does NOT balance"
