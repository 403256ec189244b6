"""A model call, from its start to its end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator, Iterable
from typing import Any, TypeVar, Unpack

from turnlog.producers.fields import CallFields
from turnlog.producers.kinds import CALL, Fields
from turnlog.producers.operation import Operation
from turnlog.producers.pipe import Pipe
from turnlog.producers.scope import Scope
from turnlog.producers.snapshot import snapshot

_Chunk = TypeVar("_Chunk")


class Call(Operation):
    """A model call under way; made by :meth:`turnlog.producers.Client.call`.

    What is logged inside its ``with`` block points at it. Streamed text is collected, so that a stream that breaks
    leaves the part of the answer that came.
    """

    __slots__ = ("_chunks", "_count", "_first_ns")
    _kind = CALL

    def __init__(self, pipe: Pipe, provider: str, model: str, given: Any, fields: Fields) -> None:
        self._chunks: list[str] = []
        self._count = 0
        self._first_ns: int | None = None
        copy, size = snapshot(given)
        for name in ("system", "tools"):
            if name in fields:
                fields[name], more = snapshot(fields[name])
                size += more
        super().__init__(pipe, {**fields, "provider_name": provider, "request_model": model, "input": copy}, size)

    def first_chunk(self) -> None:
        """Say that the first chunk of the answer has come; only the first time counts."""
        if self._first_ns is None:
            self._first_ns = self._pipe.clock.monotonic_ns()

    def chunk(self, text: str | None = None) -> None:
        """Say that a chunk of the answer has come, with its text if it has one."""
        if self._first_ns is None:
            self._first_ns = self._pipe.clock.monotonic_ns()
        self._count += 1
        if isinstance(text, str):
            self._chunks.append(text)

    def stream(
        self, chunks: Iterable[_Chunk], text: Callable[[_Chunk], str | None] | None = None
    ) -> Generator[_Chunk, None, None]:
        """Yield the chunks as they come, and record them; what the iterator raises is recorded and raised.

        The call is finished by its ``with`` block or :meth:`finish`; outside of a block also by an error or by closing
        this iterator early.

        Args:
            chunks: The answer.
            text: Gets a chunk's text; by default understands texts and OpenAI's chunks.
        """
        get = text or text_of
        try:
            for each in chunks:
                self.chunk(_safely(get, each))
                yield each
        except BaseException as error:
            self._broken(error)
            raise

    async def astream(
        self, chunks: AsyncIterable[_Chunk], text: Callable[[_Chunk], str | None] | None = None
    ) -> AsyncGenerator[_Chunk, None]:
        """Do as :meth:`stream` does for an asynchronous iterator."""
        get = text or text_of
        try:
            async for each in chunks:
                self.chunk(_safely(get, each))
                yield each
        except BaseException as error:
            self._broken(error)
            raise

    def finish(self, output: Any = None, **fields: Unpack[CallFields]) -> None:
        """End the call well; only the first end counts.

        Args:
            output: The answer: a text, a message, or messages, one for each choice; by default the chunks' text.
            fields: What is known now, such as usage, finish_reason, response_model, response_id.
        """
        self._end("ok", {**fields, "output": output})

    def _broken(self, error: BaseException) -> None:
        # Inside a with block, leaving a loop early closes the iterator while the call goes on.
        if self._token is None or not isinstance(error, GeneratorExit):
            self.fail(error)

    def _end(self, status: str, fields: Fields, size: int = 0) -> None:
        output = fields.get("output")
        if output is None and self._chunks:
            output = "".join(self._chunks)
        fields["output"], more = snapshot(output)
        if self._first_ns is not None and "time_to_first_chunk" not in fields:
            fields["time_to_first_chunk_us"] = max(0, self._first_ns - self._began_ns) // 1000
        if self._count and "output_chunks" not in fields:
            fields["output_chunks"] = self._count
        super()._end(status, fields, size + more)

    def _inside(self) -> Scope:
        return Scope(self._scope.fields, self.trace_id, self.span_id, self.event_id, self._scope.step_id)


def text_of(chunk: Any) -> str | None:
    """Return the text of a chunk: of a text, or of OpenAI's chat completion chunk as an object or dict."""
    if isinstance(chunk, str):
        return chunk
    choices = _get(chunk, "choices")
    if not choices:
        return None
    content = _get(_get(choices[0], "delta"), "content")
    return content if isinstance(content, str) else None


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def _safely(get: Callable[[_Chunk], str | None], chunk: _Chunk) -> str | None:
    try:
        text = get(chunk)
    except Exception:  # noqa: BLE001 - a chunk of an unknown shape is counted without its text
        return None
    return text if isinstance(text, str) else None
