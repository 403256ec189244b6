"""`turnlog up`: the whole pipeline on this machine."""

import os
from datetime import datetime
from typing import Annotated

import typer

from turnlog.schemas.kafka import KafkaConnection
from turnlog.stack.commands.options import DataOption
from turnlog.stack.datadir import DataDirectory
from turnlog.stack.supervisor import Event, StackOptions, StartFailedError, detach_stack, run_stack


def register(app: typer.Typer) -> None:
    """Put the command on the application."""
    app.command()(up)


def up(
    *,
    data: DataOption = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return when everything is ready.")] = False,
    workers: Annotated[int, typer.Option(min=0, max=64, help="Processor processes.")] = 1,
    sinks: Annotated[int, typer.Option(min=0, max=64, help="Sink processes.")] = 1,
    kafka_port: Annotated[int, typer.Option(min=1, max=65535, help="Loopback port of the broker.")] = 9092,
    clickhouse_port: Annotated[int, typer.Option(min=1, max=65535, help="Loopback port of ClickHouse.")] = 8123,
) -> None:
    """Start Kafka, ClickHouse and all workers here; keep them running until Ctrl-C or `turnlog down`."""
    options = StackOptions(
        data=DataDirectory.choose(data).path,
        workers=workers,
        sinks=sinks,
        kafka_port=kafka_port,
        clickhouse_port=clickhouse_port,
        topic_prefix=KafkaConnection.from_env(os.environ).prefix,
    )
    try:
        (detach_stack if detach else run_stack)(options, _show)
    except StartFailedError as error:
        typer.echo(f"turnlog: {error}", err=True)
        for line in error.tail:
            typer.echo(f"  {line}", err=True)
        raise typer.Exit(1) from error
    if detach:
        servers = options.servers()
        typer.echo(f"Kafka {servers.kafka}, ClickHouse {servers.clickhouse}, data {options.data}")


def _show(event: Event) -> None:
    typer.echo(f"{datetime.now().astimezone():%H:%M:%S} {event.line()}")
