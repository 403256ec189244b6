"""From a statement's result to an HTTP response: headers when something is known, an exception even in mid-stream."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from turnlog.stack.endpoint.blocks import BlockEncoder
from turnlog.stack.endpoint.compression import Codec, encoder
from turnlog.stack.endpoint.errors import ServerError
from turnlog.stack.endpoint.pipe import ResultPipe
from turnlog.stack.endpoint.summary import Summary

Send = Callable[[dict[str, Any]], Awaitable[None]]

_OFF_LOOP: Final = 64 << 10
_PIECE: Final = 1 << 20
# A result that waits for its statement's end goes to disk beyond this size.
_IN_MEMORY: Final = 8 << 20


@dataclass(slots=True)
class Reply:
    """How one answer is to be sent.

    Attributes:
        headers: those known before the statement runs.
        coding: the content coding, empty for none.
        buffer: bytes of result that may be kept back to learn how the statement ends.
        hold: seconds for which they may; None waits for the end.
        head_only: whether the client wants no body.
        version: of the engine, named in messages.
        folder: for what is kept back and too large for memory.
        blocks: whether the client wants ClickHouse's own compression instead of a content coding.
    """

    send: Send
    headers: Mapping[str, str]
    coding: str
    buffer: int
    hold: float | None
    head_only: bool
    version: str
    folder: Path
    blocks: bool = False

    async def deliver(self, pipe: ResultPipe, ended: asyncio.Future[None], summary: Summary) -> None:
        """Send a running statement's result; returns when all is sent and the statement has ended.

        An error before the headers becomes a response of its own. One after them is written into the body, between
        marks that name the response's X-ClickHouse-Exception-Tag, as ClickHouse does since version 25.11.
        """
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, dir=str(self.folder)) as held:
            at_end = await self._hold(pipe, held)
            if at_end:
                try:
                    await ended
                except ServerError as error:
                    await self.refuse(error)
                    return
            size = held.tell()
            codec = self._codec(empty=at_end and not size)
            tag = secrets.token_hex(8)
            extra = {"X-ClickHouse-Summary": summary.header(), "X-ClickHouse-Exception-Tag": tag}
            if self.coding and (size or not at_end):
                extra["Content-Encoding"] = self.coding
            elif at_end and not self.blocks:
                extra["Content-Length"] = str(size)
            await self._start(200, extra)
            held.seek(0)
            while piece := held.read(_PIECE):
                await self._body(await self._encode(codec, piece), more=True)
        while not at_end and (piece := await pipe.read()):
            await self._body(await self._encode(codec, piece), more=True)
        tail = b""
        try:
            await ended
        except ServerError as error:
            tail = codec.feed(exception_block(error.message(self.version), tag))
        await self._body(tail + codec.finish(), more=False)

    async def refuse(self, error: ServerError) -> None:
        """Answer with an error."""
        body = (error.message(self.version) + "\n").encode("utf-8", "surrogateescape")
        extra = {
            "X-ClickHouse-Exception-Code": str(error.code),
            "Content-Type": "text/plain; charset=UTF-8",
            "Content-Length": str(len(body)),
        }
        if error.status == 401:
            extra["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
        await self._start(error.status, extra)
        await self._body(body, more=False)

    async def _hold(self, pipe: ResultPipe, held: tempfile.SpooledTemporaryFile[bytes]) -> bool:
        """Keep the first part of a result back; says whether that is all of it."""
        loop = asyncio.get_running_loop()
        deadline: float | None = None
        while self.hold is None or held.tell() <= self.buffer:
            wait = None if deadline is None else deadline - loop.time()
            try:
                piece = await asyncio.wait_for(pipe.read(), wait)
            except TimeoutError:
                break
            if not piece:
                return True
            if deadline is None and self.hold is not None:
                deadline = loop.time() + self.hold
            held.write(piece)
        return False

    def _codec(self, *, empty: bool) -> Codec:
        if self.blocks:
            return BlockEncoder()
        return encoder("" if empty else self.coding)

    async def _encode(self, codec: Codec, data: bytes) -> bytes:
        if (self.coding or self.blocks) and len(data) > _OFF_LOOP:
            return await asyncio.to_thread(codec.feed, data)
        return codec.feed(data)

    async def _start(self, status: int, extra: Mapping[str, str]) -> None:
        headers = [
            (name.lower().encode(), value.encode("latin-1", "replace"))
            for name, value in {**self.headers, **extra}.items()
        ]
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    async def _body(self, data: bytes, *, more: bool) -> None:
        if self.head_only:
            data = b""
        if data or not more:
            await self.send({"type": "http.response.body", "body": data, "more_body": more})


def exception_block(message: str, tag: str) -> bytes:
    """The end of a body whose statement failed in mid-stream."""
    text = message.encode("utf-8", "surrogateescape") + b"\n"
    mark = tag.encode()
    size = str(len(text)).encode()
    return b"\r\n__exception__\r\n" + mark + b"\r\n" + text + size + b" " + mark + b"\r\n__exception__\r\n"
