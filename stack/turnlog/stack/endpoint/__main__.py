"""``python -m turnlog.stack.endpoint``: ClickHouse's engine behind ClickHouse's HTTP dialect."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from turnlog.schemas.errors import UserError
from turnlog.stack.endpoint.config import EndpointConfig, Limits
from turnlog.stack.endpoint.errors import StartError
from turnlog.stack.endpoint.server import serve

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(  # noqa: PLR0917 - typer reads options from the signature
    path: Annotated[Path, typer.Option(help="The engine's data directory; made when missing.")],
    host: Annotated[str, typer.Option(help="Address to listen on; only say 0.0.0.0 inside a container.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 lets the system choose.", min=0, max=65535)] = 8123,
    ready_file: Annotated[Path | None, typer.Option(help="Receives the port once it accepts.")] = None,
    password_env: Annotated[str, typer.Option(help="Variable that holds the default user's password.")] = "",
    name: Annotated[str, typer.Option(help="The server's display name.")] = "turnlog",
    max_queries: Annotated[int, typer.Option(help="Statements at once; more are refused.", min=1)] = 64,
    max_memory: Annotated[int, typer.Option(help="Bytes of memory for the engine; 0 for its default.", min=0)] = 0,
) -> None:
    """Serve ClickHouse's HTTP dialect until SIGTERM or SIGINT."""
    try:
        if password_env and not os.environ.get(password_env):
            raise StartError(f"the variable {password_env} named by --password-env is not set")
        config = EndpointConfig(
            path=path.resolve(),
            name=name,
            password=os.environ[password_env] if password_env else "",
            limits=Limits(queries=max_queries, memory_bytes=max_memory),
        )
        serve(config, host, port, ready_file)
    except UserError as error:
        typer.echo(f"turnlog endpoint: {error}", err=True)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    app()
