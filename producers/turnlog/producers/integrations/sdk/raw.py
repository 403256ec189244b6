"""Raw responses: what ``with_raw_response`` and ``with_streaming_response`` return."""

from __future__ import annotations

import inspect
from typing import Any

from turnlog.producers.integrations.sdk.recording import Recording, complain
from turnlog.producers.integrations.sdk.streams import become, is_stream, watch


def is_raw(result: Any) -> bool:
    """Whether a result is a raw response, whose ``parse`` gives the answer."""
    return hasattr(result, "http_response") and callable(getattr(result, "parse", None))


def watch_raw(result: Any, recording: Recording, *, streamed: bool) -> None:
    """Record a raw response: at once if its body is here, else when it is parsed or closed.

    Args:
        result: The raw response.
        recording: Where to.
        streamed: Whether the answer comes as a stream of events.
    """
    if not streamed and _read(result, recording):
        return
    try:
        become(result, _raw, recording)
    except Exception:  # noqa: BLE001 - a response of an unknown kind is the caller's all the same
        complain("watch_raw")
        recording.ended()


def _read(result: Any, recording: Recording) -> bool:
    """Record the answer in a body that has been read; False if it has not, or holds none."""
    try:
        body = result.http_response.json()
    except Exception:  # noqa: BLE001 - not read yet, not JSON: there is nothing to see
        return False
    recording.answered(body)
    return True


def _raw(base: Any) -> type:
    class Raw(base):  # type: ignore[misc] # the SDK's class, known only when a response of it comes
        turnlog_recording: Recording | None = None

        def parse(self, *args: Any, **kwargs: Any) -> Any:
            try:
                parsed = super().parse(*args, **kwargs)
            except BaseException as error:
                _failed(self, error)
                raise
            return _awaited(self, parsed) if inspect.iscoroutine(parsed) else _parsed(self, parsed)

        def close(self) -> Any:
            recording = self.turnlog_recording
            # Who reads the body by bytes or lines gets all of it, and the record no text.
            if recording and not recording.over and not _read(self, recording) and not _streaming(self):
                recording.ended()
            return super().close()

    return Raw


async def _awaited(result: Any, parsing: Any) -> Any:
    try:
        parsed = await parsing
    except BaseException as error:
        _failed(result, error)
        raise
    return _parsed(result, parsed)


def _failed(result: Any, error: BaseException) -> None:
    if result.turnlog_recording is not None:
        result.turnlog_recording.fail(error)


def _parsed(result: Any, parsed: Any) -> Any:
    recording = result.turnlog_recording
    if recording is not None:
        if is_stream(parsed):
            watch(parsed, recording)
        elif not _read(result, recording):
            recording.answered(parsed)
    return parsed


def _streaming(result: Any) -> bool:
    """Whether the answer is being read by a stream, which knows better how it ended."""
    return hasattr(result.http_response, "turnlog_recording")
