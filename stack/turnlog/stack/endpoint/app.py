"""The HTTP application (ASGI): which request means what."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from turnlog.stack.endpoint.body import ClientGoneError, read_job
from turnlog.stack.endpoint.compression import choose_encoding
from turnlog.stack.endpoint.config import EndpointConfig
from turnlog.stack.endpoint.engine import Engine
from turnlog.stack.endpoint.errors import Code, ServerError
from turnlog.stack.endpoint.formats import content_type
from turnlog.stack.endpoint.job import Job
from turnlog.stack.endpoint.request import QueryRequest, parse_request
from turnlog.stack.endpoint.response import Reply, Send
from turnlog.stack.endpoint.runner import Runner

Receive = Callable[[], Awaitable[dict[str, Any]]]
Scope = dict[str, Any]

_TEXT: Final = "text/plain; charset=UTF-8"
_QUERY_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT"})
_READ_METHODS: Final = frozenset({"GET", "HEAD"})


class App:
    """Answers ClickHouse's HTTP dialect from the engine in this process.

    ``spool`` is the directory for bodies; ``new_id`` makes query ids.
    """

    def __init__(
        self, config: EndpointConfig, engine: Engine, runner: Runner, spool: Path, new_id: Callable[[], str]
    ) -> None:
        self._config = config
        self._engine = engine
        self._runner = runner
        self._spool = spool
        self._new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request = parse_request(scope["method"], scope["query_string"], scope["headers"])
        query_id = request.query_id or self._new_id()
        try:
            await self._route(scope["path"], request, query_id, receive, send)
        except ServerError as error:
            await self._reply(request, query_id, send).refuse(error)
        except ClientGoneError:
            pass
        except OSError as error:
            failure = ServerError(Code.STD_EXCEPTION, f"std::exception. {error.strerror or error}")
            await self._reply(request, query_id, send).refuse(failure)
        except asyncio.CancelledError:
            # The server stops. An answer that has begun can't be changed any more.
            stopping = ServerError(Code.QUERY_WAS_CANCELLED, "Query was cancelled: the server is shutting down")
            with contextlib.suppress(RuntimeError):
                await self._reply(request, query_id, send).refuse(stopping)

    async def _route(self, path: str, request: QueryRequest, query_id: str, receive: Receive, send: Send) -> None:
        reading = request.method in _READ_METHODS
        if (path in {"/ping", "/replicas_status"} and reading) or (path == "/" and reading and not request.query):
            await _plain(send, 200, "Ok.\n", head_only=request.method == "HEAD")
        elif path not in {"/", "/query"}:
            message = f"There is no handle {path}\n\nUse / or /ping for health checks.\n"
            await _plain(send, 404, message, head_only=request.method == "HEAD")
        elif request.method not in _QUERY_METHODS:
            await _plain(send, 501, "", head_only=True)
        else:
            await self._query(request, query_id, receive, send)

    async def _query(self, request: QueryRequest, query_id: str, receive: Receive, send: Send) -> None:
        user = self._authenticate(request)
        with self._runner.admit(query_id) as marker:
            request, job = await read_job(request, receive, self._spool)
            job.marker = marker
            try:
                if request.read_only and not job.only_reads:
                    _refuse_change(job)
                await self._runner.run(request, user, job, self._reply(request, query_id, send, job), receive)
            finally:
                job.close()

    def _authenticate(self, request: QueryRequest) -> str:
        given = request.credentials()
        right = hmac.compare_digest(given.password.encode(), self._config.password.encode())
        if given.user != self._config.user or not right:
            raise ServerError(
                Code.AUTHENTICATION_FAILED,
                f"{given.user}: Authentication failed: password is incorrect, or there is no user with such name.",
            )
        return given.user

    def _reply(self, request: QueryRequest, query_id: str, send: Send, job: Job | None = None) -> Reply:
        headers = {
            "Content-Type": _TEXT,
            "X-ClickHouse-Server-Display-Name": self._config.name,
            "X-ClickHouse-Query-Id": query_id,
            "X-ClickHouse-Timezone": request.settings.get("session_timezone") or self._engine.timezone,
        }
        coding = ""
        blocks = job is not None and request.flag("compress")
        hold: float | None = self._config.limits.hold_seconds
        if job is not None and job.has_result:
            headers["Content-Type"] = content_type(job.output_format)
            headers["X-ClickHouse-Format"] = job.output_format
            if request.flag("enable_http_compression") and not blocks:
                coding = choose_encoding(request.headers.get("accept-encoding", ""))
        if request.flag("wait_end_of_query"):
            hold = None
        return Reply(
            send=send,
            headers=headers,
            coding=coding,
            buffer=request.number("buffer_size", self._config.limits.buffer_bytes),
            hold=hold,
            head_only=request.method == "HEAD",
            version=self._engine.version,
            folder=self._spool,
            blocks=blocks,
        )


def _refuse_change(job: Job) -> None:
    kind = job.statement.kind if job.statement is not None else "INSERT"
    if kind not in {"SET", "USE"}:
        raise ServerError(
            Code.READONLY,
            "default: Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. "
            "You should use method POST for modifying queries.",
        )


async def _plain(send: Send, status: int, text: str, *, head_only: bool) -> None:
    body = text.encode()
    headers = [(b"content-type", _TEXT.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head_only else body})
