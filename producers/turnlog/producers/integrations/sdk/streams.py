"""Streams that are recorded as they are read, and stay the very objects that they were.

All streams of both SDKs, in all versions, read from an iterator that they hold, and close the HTTP response beneath; so
that iterator is wrapped, and the response's closing noted.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from turnlog.producers.integrations.sdk.recording import Recording, complain

_made: dict[tuple[Callable[[Any], type], type], type] = {}


def is_stream(value: Any) -> bool:
    """Whether a value is an SDK's stream."""
    return hasattr(value, "__next__") or hasattr(value, "__anext__")


def watch(stream: Any, recording: Recording) -> None:
    """Record a stream from now on; one that can't be is recorded as an answer without a text."""
    try:
        inner = stream._iterator  # noqa: SLF001 - the only place where chunks can be seen without a new stream
        if isinstance(inner, _Watched):
            return
        stream._iterator = (_AsyncChunks if hasattr(inner, "__anext__") else _Chunks)(inner, recording)  # noqa: SLF001 - same
    except Exception:  # noqa: BLE001 - a stream of an unknown kind is the caller's all the same
        complain("watch")
        recording.ended()
        return
    recording.streams()
    try:
        become(stream.response, _response, recording)
    except Exception:  # noqa: BLE001 - without it, leaving a stream early is noticed when it is dropped
        complain("watch.response")


class _Watched:
    """An SDK's iterator of chunks, recorded.

    Args:
        inner: The iterator.
        recording: Where to. It must not lead back to the stream, or only the garbage collector could close that.
    """

    __slots__ = ("_inner", "_recording")

    def __init__(self, inner: Any, recording: Recording) -> None:
        self._inner = inner
        self._recording = recording

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __del__(self) -> None:
        self._recording.abandon()


class _Chunks(_Watched):
    __slots__ = ()

    def __iter__(self) -> _Chunks:
        return self

    def __next__(self) -> Any:
        recording = self._recording
        recording.inside = True
        try:
            chunk = next(self._inner)
        except StopIteration:
            recording.ended()
            raise
        except BaseException as error:
            recording.fail(error)
            raise
        finally:
            recording.inside = False
        recording.chunk(chunk)
        return chunk


class _AsyncChunks(_Watched):
    __slots__ = ()

    def __aiter__(self) -> _AsyncChunks:
        return self

    async def __anext__(self) -> Any:
        recording = self._recording
        recording.inside = True
        try:
            chunk = await anext(self._inner)
        except StopAsyncIteration:
            recording.ended()
            raise
        except BaseException as error:
            recording.fail(error)
            raise
        finally:
            recording.inside = False
        recording.chunk(chunk)
        return chunk


def become(watched: Any, make: Callable[[Any], type], recording: Recording) -> None:
    """Turn an object into one of a subclass that records; only public methods are overridden.

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
            # One base and no slots, as assigning to __class__ asks for.
            subclass = _made[make, base] = make(base)
            for name in ("__name__", "__qualname__", "__module__", "__doc__"):
                setattr(subclass, name, getattr(base, name))
        watched.__class__ = subclass
    watched.turnlog_recording = recording


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
