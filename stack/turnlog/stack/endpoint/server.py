"""The process: engine, socket, signals."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
import time
import uuid
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn

from turnlog.stack.endpoint.app import App
from turnlog.stack.endpoint.config import EndpointConfig
from turnlog.stack.endpoint.engine import Engine
from turnlog.stack.endpoint.errors import StartError
from turnlog.stack.endpoint.runner import Runner
from turnlog.stack.endpoint.sessions import SessionStore

_BACKLOG: Final = 512
_KEEP_ALIVE_SECONDS: Final = 30
_GRACE_SECONDS: Final = 10
_SPOOL: Final = "http_spool"


def listen(host: str, port: int) -> socket.socket:
    """Bind a socket; port 0 lets the system choose.

    Raises:
        StartError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise StartError(f"cannot listen on {host}:{port}: {error.strerror}; choose another --port") from None
    return listener


def serve(config: EndpointConfig, host: str, port: int, ready_file: Path | None) -> None:
    """Run an endpoint until SIGTERM or SIGINT; blocks.

    Statements under way have 10 seconds to end, then they are cancelled. ``ready_file`` receives the port's number
    once it accepts.

    Raises:
        StartError: the port or the engine's directory cannot be had.
    """
    # uvicorn raises the signal again once it has shut down; the engine must still be closed then.
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)
    with contextlib.ExitStack() as closing:
        listener = closing.enter_context(listen(host, port))
        spool = config.path / _SPOOL
        try:
            spool.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StartError(f"cannot use {config.path}: {error.strerror}") from None
        engine = closing.enter_context(contextlib.closing(Engine(config.path, config.engine_options())))
        sessions = closing.enter_context(contextlib.closing(SessionStore(engine.handle, time.monotonic)))
        runner = Runner(engine, sessions, config.limits.queries, lambda: uuid.uuid4().hex)
        closing.enter_context(contextlib.closing(runner))
        app = App(config, engine, runner, spool, lambda: str(uuid.uuid4()))
        if ready_file is not None:
            _announce(ready_file, listener.getsockname()[1])
        uvicorn.Server(_http(app)).run(sockets=[listener])


def _http(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="httptools",
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _announce(path: Path, port: int) -> None:
    # Under another name first: who waits for the file must never read half of it.
    draft = path.with_name(path.name + ".tmp")
    draft.write_text(f"{port}\n")
    draft.replace(path)
