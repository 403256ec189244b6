"""A model call, from its start to its end."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from typing import Any, Self, TypeVar, Unpack

from turnlog.producers.fields import CallFields
from turnlog.producers.isa import is_a
from turnlog.producers.kinds import CALL, Fields
from turnlog.producers.operations.operation import Operation
from turnlog.producers.operations.scope import Scope
from turnlog.producers.operations.snapshot import copy_in
from turnlog.producers.operations.stream import AsyncStream, Stream
from turnlog.producers.pipe import Pipe

_Chunk = TypeVar("_Chunk")
_CONTENT = ("input", "output", "system", "tools")


class Call(Operation):
    """A model call under way; made by :meth:`turnlog.producers.Client.call`.

    What is logged inside its ``with`` block points at it. Streamed text is collected, so that a stream that breaks
    leaves the part of the answer that came.
    """

    __slots__ = ("_chunks", "_count", "_first_ns", "_streamed")
    _kind = CALL

    def __init__(self, pipe: Pipe, provider: str, model: str, given: Any, fields: Fields) -> None:
        self._chunks: list[str] = []
        self._count = 0
        self._first_ns: int | None = None
        self._streamed = False
        fields["provider_name"] = provider
        fields["request_model"] = model
        fields["input"] = given
        super().__init__(pipe, fields, copy_in(fields, _CONTENT))

    def first_chunk(self) -> None:
        """Say that the first chunk of the answer has come; only the first time counts."""
        if self._first_ns is None:
            self._first_ns = self._pipe.clock.monotonic_ns()

    def chunk(self, text: str | None = None) -> None:
        """Say that a chunk of the answer has come, with its text if it has one."""
        if self._first_ns is None:
            self._first_ns = self._pipe.clock.monotonic_ns()
        self._count += 1
        if is_a(text, str):
            self._chunks.append(text)

    def stream(self, chunks: Iterable[_Chunk], text: Callable[[_Chunk], str | None] | None = None) -> Stream[_Chunk]:
        """Return an iterator that yields the chunks as they come and records them.

        What the chunks' iterator raises is recorded and raised. The call is ended by its ``with`` block or
        :meth:`finish`; outside of a block also by an error, and, as cancelled, by closing or dropping the iterator
        half read. If the iterator was read to its end, a call that nobody holds any more has ended well.

        Args:
            chunks: The answer.
            text: Gets a chunk's text; by default understands texts and OpenAI's chunks.
        """
        return Stream(self, chunks, text)

    def astream(
        self, chunks: AsyncIterable[_Chunk], text: Callable[[_Chunk], str | None] | None = None
    ) -> AsyncStream[_Chunk]:
        """Do as :meth:`stream` does for an asynchronous iterator."""
        return AsyncStream(self, chunks, text)

    def update(self, output: Any = None, **fields: Unpack[CallFields]) -> Self:
        """Say what is known by now, such as usage or response_model; ignored after the end."""
        given: Fields = {**fields}
        if output is not None:
            given["output"] = output
        self._add(given, copy_in(given, _CONTENT))
        return self

    def finish(self, output: Any = None, **fields: Unpack[CallFields]) -> None:
        """End the call well; only the first end counts.

        Args:
            output: The answer: a text, a message, or messages, one for each choice; by default the chunks' text.
            fields: What is known now, such as usage, finish_reason, response_model, response_id.
        """
        given: Fields = {**fields}
        if output is not None:
            given["output"] = output
        self._end("ok", given)

    def stream_ended(self) -> None:
        """Hear from a stream that it was read to its end."""
        self._streamed = True

    def stream_broke(self, error: BaseException) -> None:
        """Hear from a stream that it raised, or by GeneratorExit that nobody reads on."""
        # Inside a with block, leaving a loop early closes the iterator while the call goes on.
        if self._token is None or not is_a(error, GeneratorExit):
            self.fail(error)

    def _dropped(self) -> None:
        if self._streamed:
            self._end("ok", {})
        else:
            super()._dropped()

    def _end(self, status: str, fields: Fields, size: int = 0, error: object = None) -> None:
        if self._ended:
            return
        size += copy_in(fields, _CONTENT)
        if self._chunks and "output" not in fields and "output" not in self._fields:
            fields["output"] = text = "".join(self._chunks)
            size += len(text)
        if self._first_ns is not None and "time_to_first_chunk" not in fields:
            fields["time_to_first_chunk_us"] = max(0, self._first_ns - self._began_ns) // 1000
        if self._count and "output_chunks" not in fields:
            fields["output_chunks"] = self._count
        super()._end(status, fields, size, error)

    def inside(self) -> Scope:
        """Return the scope of what happens inside."""
        above = self._scope
        return Scope(
            above.fields,
            self.trace_id,
            self.span_id,
            self.event_id,
            above.step_id,
            self._outer_span,
            self._me(),
            above.step,
        )
