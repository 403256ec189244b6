"""Streamed answers: iterators that pass chunks on and record them for a call."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from turnlog.producers.isa import is_a

T = TypeVar("T")


class Listener(Protocol):
    """What is told about a stream; a call."""

    def chunk(self, text: str | None = None) -> None:
        """Hear of a chunk."""

    def stream_ended(self) -> None:
        """Hear that the stream was read to its end."""

    def stream_broke(self, error: BaseException) -> None:
        """Hear that the stream raised, or by GeneratorExit that nobody reads on."""


class Stream(Iterator[T]):
    """Yields the chunks of an answer as they come, and records them; what the iterator raises goes on.

    Close it, or use it as a ``with`` block, to let go of the answer early; the chunks' own ``close`` is called then.
    One that is dropped half read tells the call, too.
    """

    __slots__ = ("_chunks", "_iterator", "_listener", "_over", "_text")

    def __init__(self, listener: Listener, chunks: Iterable[T], text: Callable[[T], str | None] | None) -> None:
        self._over = False
        self._listener = listener
        self._chunks = chunks
        self._text = text_of if text is None else text
        self._iterator: Iterator[T] | None = None

    def __next__(self) -> T:
        try:
            if self._iterator is None:
                self._iterator = iter(self._chunks)
            each = next(self._iterator)
        except StopIteration:
            if not self._over:
                self._over = True
                self._listener.stream_ended()
            raise
        except BaseException as error:
            self._break(error)
            raise
        self._listener.chunk(safely(self._text, each))
        return each

    def close(self) -> None:
        """Read no further."""
        self._break(GeneratorExit())
        close = _method(self._chunks, "close")
        if close is not None:
            close()

    def _break(self, error: BaseException) -> None:
        if not self._over:
            self._over = True
            self._listener.stream_broke(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._break(error)
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_over", True):
            self._break(GeneratorExit())


class AsyncStream(AsyncIterator[T]):
    """Does as :class:`Stream` does for an asynchronous iterator."""

    __slots__ = ("_chunks", "_iterator", "_listener", "_over", "_text")

    def __init__(self, listener: Listener, chunks: AsyncIterable[T], text: Callable[[T], str | None] | None) -> None:
        self._over = False
        self._listener = listener
        self._chunks = chunks
        self._text = text_of if text is None else text
        self._iterator: AsyncIterator[T] | None = None

    async def __anext__(self) -> T:
        try:
            if self._iterator is None:
                self._iterator = aiter(self._chunks)
            each = await anext(self._iterator)
        except StopAsyncIteration:
            if not self._over:
                self._over = True
                self._listener.stream_ended()
            raise
        except BaseException as error:
            self._break(error)
            raise
        self._listener.chunk(safely(self._text, each))
        return each

    async def aclose(self) -> None:
        """Read no further; the chunks' own ``aclose`` or ``close`` is called."""
        self._break(GeneratorExit())
        close = _method(self._chunks, "aclose") or _method(self._chunks, "close")
        if close is not None:
            closing = close()
            if hasattr(closing, "__await__"):
                await closing

    def _break(self, error: BaseException) -> None:
        if not self._over:
            self._over = True
            self._listener.stream_broke(error)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._break(error)
        await self.aclose()

    def __del__(self) -> None:
        if not getattr(self, "_over", True):
            self._break(GeneratorExit())


def text_of(chunk: Any) -> str | None:
    """Return the text of a chunk: of a text, or of OpenAI's chat completion chunk as an object or dict."""
    if is_a(chunk, str):
        return chunk
    choices = _get(chunk, "choices")
    if not choices:
        return None
    content = _get(_get(choices[0], "delta"), "content")
    return content if is_a(content, str) else None


def _method(value: Any, name: str) -> Callable[[], Any] | None:
    try:
        method = getattr(value, name, None)
    except Exception:  # noqa: BLE001 - an object's own attributes may do anything
        return None
    return method if callable(method) else None


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def safely(get: Callable[[T], str | None], chunk: T) -> str | None:
    """Return a chunk's text; a chunk of an unknown shape is counted without one."""
    try:
        text = get(chunk)
    except Exception:  # noqa: BLE001 - a chunk's own methods may do anything
        return None
    return text if is_a(text, str) else None
