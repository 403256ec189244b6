"""Reading a request's body into a job, without holding more than a few pieces of it in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from turnlog.stack.endpoint.blocks import BlockDecoder
from turnlog.stack.endpoint.compression import Codec, decoder
from turnlog.stack.endpoint.forms import Form
from turnlog.stack.endpoint.intake import Intake
from turnlog.stack.endpoint.job import ExternalTable, Job
from turnlog.stack.endpoint.request import QueryRequest, is_external_option
from turnlog.stack.endpoint.sql import Statement, read_statement

Receive = Callable[[], Awaitable[dict[str, Any]]]

_BATCH: Final = 1 << 20


class ClientGoneError(Exception):
    """The client closed its connection before its request was complete."""


async def read_job(request: QueryRequest, receive: Receive, directory: Path) -> tuple[QueryRequest, Job]:
    """Read the body; returns the request as its form completes it, and what to run. The caller closes the job.

    Raises:
        ServerError: the body is malformed, or the statement is one that HTTP clients may not send.
        ClientGoneError: the body never ended.
    """
    tables: list[ExternalTable] = []
    codecs: list[Codec] = [decoder(request.headers.get("content-encoding", ""))]
    if request.flag("decompress"):
        codecs.append(BlockDecoder())
    pieces = _decoded(receive, codecs)
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        form = Form(request.headers["content-type"], directory)
        try:
            await _feed(form.feed, pieces)
            form.finish()
            request = request.with_fields(form.fields)
            tables = form.tables(request.settings)
        except BaseException:
            form.close()
            raise
        names = [table.name for table in tables]
        settings = {name: value for name, value in request.settings.items() if not is_external_option(name, names)}
        request = replace(request, settings=settings)
        pieces = _nothing()
    intake = Intake(request.query, directory)
    try:
        await _feed(intake.feed, pieces)
        intake.finish()
        return request, _job(request, intake, tables)
    except BaseException:
        intake.close()
        for table in tables:
            table.data.close()
        raise


def _job(request: QueryRequest, intake: Intake, tables: list[ExternalTable]) -> Job:
    statement: Statement | None = None
    text = intake.text
    output_format = request.default_format
    if intake.insert is None:
        statement = read_statement(text)
        text = statement.text
        output_format = statement.format or output_format
    return Job(
        text=text,
        statement=statement,
        insert=intake.insert,
        data=intake.data,
        output_format=output_format,
        bindings=request.bindings,
        external=tables,
        revision=request.number("client_protocol_version", 0),
    )


async def _feed(take: Callable[[bytes], None], pieces: AsyncIterator[bytes]) -> None:
    # In batches, by another thread: decompression and a slow disk must not stop the event loop.
    batch = bytearray()
    async for piece in pieces:
        batch += piece
        if len(batch) >= _BATCH:
            await asyncio.to_thread(take, bytes(batch))
            batch.clear()
    if batch:
        take(bytes(batch))


async def _decoded(receive: Receive, codecs: list[Codec]) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        more = message.get("more_body", False)
        piece = message.get("body", b"")
        for codec in codecs:
            piece = codec.feed(piece)
        if piece:
            yield piece
    rest = b""
    for codec in codecs:
        rest = codec.feed(rest) + codec.finish()
    if rest:
        yield rest


async def _nothing() -> AsyncIterator[bytes]:
    pieces: tuple[bytes, ...] = ()
    for piece in pieces:
        yield piece
