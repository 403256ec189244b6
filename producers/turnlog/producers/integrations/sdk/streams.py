"""Streams that are recorded as they are read, and stay what they were: the same object, of a subclass of its class.

A subclass that only overrides public methods leaves everything else to the SDK, in any of its versions.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from turnlog.producers.integrations.sdk.recording import Recording, complain

_made: dict[tuple[Callable[[Any], type], type], type] = {}


def watch(stream: Any, recording: Recording) -> None:
    """Record a stream from now on; one that can't be is recorded as an answer without a text."""
    try:
        become(stream, _async_stream if hasattr(stream, "__anext__") else _sync_stream, recording)
    except Exception:  # noqa: BLE001 - a stream of an unknown kind is the caller's all the same
        complain("watch")
        recording.ended()
        return
    recording.streams()
    try:
        # OpenAI's stream helpers close the response beneath the stream.
        become(stream.response, _response, recording)
    except Exception:  # noqa: BLE001 - without it, leaving a helper early is noticed when the stream is dropped
        complain("watch.response")


def become(watched: Any, make: Callable[[Any], type], recording: Recording) -> None:
    """Turn an object into one of a subclass that records.

    Args:
        watched: The object.
        make: Makes the subclass of its class; called once for each class.
        recording: Where to.

    Raises:
        TypeError: If the object's class allows no such thing.
    """
    base = type(watched)
    if not hasattr(base, "turnlog_recording"):
        subclass = _made.get((make, base))
        if subclass is None:
            subclass = _made[make, base] = make(base)
            for name in ("__name__", "__qualname__", "__module__", "__doc__"):
                setattr(subclass, name, getattr(base, name))
        watched.__class__ = subclass
    watched.turnlog_recording = recording


# The classes below have one base and no slots, as assigning to __class__ asks for.


def _sync_stream(base: Any) -> type:
    class Stream(base):  # type: ignore[misc] # the SDK's class, known only when a stream of it comes
        turnlog_recording: Recording | None = None

        def __next__(self) -> Any:
            return _read(super().__next__, self.turnlog_recording)

        def __iter__(self) -> Iterator[Any]:
            return _each(self)

        def close(self) -> None:
            _left(self.turnlog_recording)
            super().close()

        def __del__(self) -> None:
            _dropped(self.turnlog_recording)

    return Stream


def _async_stream(base: Any) -> type:
    class AsyncStream(base):  # type: ignore[misc] # the SDK's class, known only when a stream of it comes
        turnlog_recording: Recording | None = None

        async def __anext__(self) -> Any:
            return await _aread(super().__anext__, self.turnlog_recording)

        def __aiter__(self) -> AsyncIterator[Any]:
            return _aeach(self)

        async def close(self) -> None:
            _left(self.turnlog_recording)
            await super().close()

        def __del__(self) -> None:
            _dropped(self.turnlog_recording)

    return AsyncStream


def _read(advance: Callable[[], Any], recording: Recording | None) -> Any:
    if recording is None:
        return advance()
    recording.inside = True
    try:
        item = advance()
    except StopIteration:
        recording.ended()
        raise
    except BaseException as error:
        recording.fail(error)
        raise
    finally:
        recording.inside = False
    recording.chunk(item)
    return item


async def _aread(advance: Callable[[], Awaitable[Any]], recording: Recording | None) -> Any:
    if recording is None:
        return await advance()
    recording.inside = True
    try:
        item = await advance()
    except StopAsyncIteration:
        recording.ended()
        raise
    except BaseException as error:
        recording.fail(error)
        raise
    finally:
        recording.inside = False
    recording.chunk(item)
    return item


def _each(stream: Any) -> Iterator[Any]:
    while True:
        try:
            item = stream.__next__()
        except StopIteration:
            return
        yield item


async def _aeach(stream: Any) -> AsyncIterator[Any]:
    while True:
        try:
            item = await stream.__anext__()
        except StopAsyncIteration:
            return
        yield item


def _left(recording: Recording | None) -> None:
    if recording is not None:
        recording.left()


def _dropped(recording: Recording | None) -> None:
    if recording is not None:
        recording.abandon()


def _response(base: Any) -> type:
    class Response(base):  # type: ignore[misc] # httpx's class, or httpx2's
        turnlog_recording: Recording | None = None

        def close(self) -> None:
            _closed(self.turnlog_recording)
            super().close()

        def aclose(self) -> Any:
            _closed(self.turnlog_recording)
            return super().aclose()

    return Response


def _closed(recording: Recording | None) -> None:
    """Take note of a close: by the caller, or by a generator of the SDK's that cleans up, perhaps as a finaliser."""
    if recording is None:
        return
    frame = inspect.currentframe()
    closer = frame.f_back.f_back if frame and frame.f_back else None
    generators = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
    if closer is not None and closer.f_code.co_flags & generators:
        recording.abandon()
    else:
        recording.left()
