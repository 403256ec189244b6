"""Runs jobs in worker threads: admission, sessions, clients that go away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from turnlog.stack.endpoint.engine import Engine, Handle
from turnlog.stack.endpoint.errors import Code, ServerError
from turnlog.stack.endpoint.job import Job, run, zoned_columns
from turnlog.stack.endpoint.pipe import ResultPipe
from turnlog.stack.endpoint.request import QueryRequest
from turnlog.stack.endpoint.response import Reply
from turnlog.stack.endpoint.sessions import Session, SessionStore
from turnlog.stack.endpoint.sql import quote

Receive = Callable[[], Awaitable[dict[str, Any]]]


class Runner:
    """Runs at most ``limit`` statements at once, each on a handle of its own or its session's."""

    def __init__(self, engine: Engine, sessions: SessionStore, limit: int, new_marker: Callable[[], str]) -> None:
        self._engine = engine
        self._sessions = sessions
        self._limit = limit
        self._new_marker = new_marker
        self._running: dict[str, str] = {}
        self._working: set[str] = set()
        # One thread more, so that a kill finds one when all are busy.
        self._threads = ThreadPoolExecutor(limit + 1, thread_name_prefix="query")

    @contextlib.contextmanager
    def admit(self, query_id: str) -> Iterator[str]:
        """Count a query as running, from its body's first byte to its result's last; yields its marker.

        Raises:
            ServerError: too many are running, or one of that id.
        """
        if len(self._running) >= self._limit:
            raise ServerError(
                Code.TOO_MANY_SIMULTANEOUS_QUERIES,
                f"Too many simultaneous queries. Maximum: {self._limit}",
            )
        if query_id in self._running:
            raise ServerError(
                Code.QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING, f"Query with id = {query_id} is already running."
            )
        marker = self._running[query_id] = self._new_marker()
        try:
            yield marker
        finally:
            self._leave(marker)

    def _leave(self, marker: str) -> None:
        for query_id, running in list(self._running.items()):
            if running == marker:
                del self._running[query_id]

    async def run(self, request: QueryRequest, user: str, job: Job, reply: Reply, receive: Receive) -> None:
        """Run a job and send its result.

        When the client goes away, a statement that only reads is cancelled; one that writes is carried out. The
        call returns only when the statement has ended.

        Raises:
            ServerError: the session cannot be had.
        """
        ref = request.session()
        session = self._sessions.acquire(user, ref) if ref else None
        pipe = ResultPipe()

        async def work() -> None:
            # What it holds is free before the last byte is sent: a client's next request may come right after.
            try:
                await asyncio.get_running_loop().run_in_executor(self._threads, self._work, request, job, session, pipe)
            finally:
                self._leave(job.marker)
                if ref and session:
                    self._sessions.release(user, ref, session)

        try:
            await self._deliver(job, reply, receive, pipe, asyncio.ensure_future(work()))
        finally:
            pipe.close()

    async def _deliver(
        self, job: Job, reply: Reply, receive: Receive, pipe: ResultPipe, ended: asyncio.Future[None]
    ) -> None:
        sending = asyncio.ensure_future(reply.deliver(pipe, ended, job.summary))
        leaving = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                if job.only_reads:
                    await self.kill(job.marker)
                sending.cancel()
            await asyncio.wait({sending})
        finally:
            leaving.cancel()
        # The pipe must be emptied, or the statement would wait for ever to write to it.
        while not ended.done():
            await pipe.read()
            await asyncio.wait({ended}, timeout=0.05)
        if not ended.cancelled():
            ended.exception()
        if not sending.cancelled():
            sending.result()

    async def kill(self, marker: str) -> None:
        """Cancel the statement that carries ``marker``; one that has ended already is no error."""
        with contextlib.suppress(ServerError):
            await asyncio.get_running_loop().run_in_executor(self._threads, self._engine.kill, marker)

    def _work(self, request: QueryRequest, job: Job, session: Session | None, pipe: ResultPipe) -> None:
        handle: Handle | None = None
        self._working.add(job.marker)
        try:
            if session is None:
                handle = self._engine.handle()
                chosen = Session(handle)
            else:
                chosen = session
            _prepare(chosen, request, job)
            if job.statement is not None and job.statement.kind == "KILL":
                job.text = self._with_engine_ids(job.text)
            run(chosen.handle, job, pipe.sink, lambda query, bindings: self._describe(chosen, query, bindings))
            if job.statement is not None and job.statement.kind == "USE":
                chosen.used()
        except BrokenPipeError:
            raise ServerError(Code.QUERY_WAS_CANCELLED, "Query was cancelled: its client has gone") from None
        finally:
            self._working.discard(job.marker)
            pipe.close_sink()
            if handle is not None:
                handle.close()

    def _with_engine_ids(self, text: bytes) -> bytes:
        """Replace clients' query ids in a KILL, because the engine numbers statements itself."""
        for query_id, marker in list(self._running.items()):
            literal = quote(query_id).encode("utf-8", "surrogateescape")
            if literal in text:
                text = text.replace(literal, quote(self._engine.id_of(marker)).encode())
        return text

    def _describe(self, session: Session, query: bytes, bindings: Mapping[str, str]) -> Mapping[bytes, bytes]:
        handle = self._engine.handle()
        try:
            Session(handle).prepare(session.overlay, session.database)
            return zoned_columns(handle, query, bindings)
        finally:
            handle.close()

    def close(self) -> None:
        """Cancel what is still running and wait for its end."""
        for marker in list(self._working):
            self._engine.kill(marker)
        self._threads.shutdown()


def _prepare(session: Session, request: QueryRequest, job: Job) -> None:
    settings = request.settings
    if request.session() is not None:
        # The engine would never let a session leave read-only mode again; the application has checked it already.
        settings = {name: value for name, value in settings.items() if name != "readonly"}
    session.prepare(settings, request.database)
    if job.statement is not None and job.statement.kind == "SET":
        session.take_back()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
