"""`turnlog status`: what runs, and how far behind it is."""

import time
from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from turnlog.stack.commands.options import DataOption
from turnlog.stack.datadir import DataDirectory
from turnlog.stack.report import StatusReport, read_status


def register(app: typer.Typer) -> None:
    """Put the command on the application."""
    app.command()(status)


def status(
    *,
    data: DataOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show each component's process, state and restarts, and each consumer group's lag; exit with 1 if nothing runs."""
    report = read_status(DataDirectory.choose(data), time.time())
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        _print(report, Console())
    if report.state == "stopped":
        raise typer.Exit(1)


def _print(report: StatusReport, console: Console) -> None:
    if report.state == "stopped":
        console.print(f"no stack runs in {report.data}", highlight=False, soft_wrap=True)
        return
    supervisor = f"supervisor {report.supervisor_pid}" if report.supervisor_pid else "its supervisor is dead"
    console.print(f"{report.state}: {report.data} ({supervisor})", highlight=False, soft_wrap=True)
    console.print(f"Kafka {report.kafka}, ClickHouse {report.clickhouse}", highlight=False, soft_wrap=True)
    console.print(_components(report))
    if report.lag_error is not None:
        console.print(f"lag unknown: {report.lag_error}", highlight=False, soft_wrap=True)
    elif report.lag:
        console.print(_lag(report))
    else:
        console.print("nothing in the topics yet")


def _components(report: StatusReport) -> Table:
    table = Table("component", "pid", "state", "restarts", "uptime", "last end", box=None, pad_edge=False)
    for one in report.components:
        uptime = "" if one.uptime_seconds is None else str(timedelta(seconds=int(one.uptime_seconds)))
        table.add_row(one.name, str(one.pid or ""), one.state, str(one.restarts), uptime, one.last_end)
    return table


def _lag(report: StatusReport) -> Table:
    table = Table("group", "topic", "partitions", "end", "lag", box=None, pad_edge=False)
    for one in report.lag:
        table.add_row(one.group, one.topic, str(one.partitions), str(one.end), str(one.lag))
    return table
