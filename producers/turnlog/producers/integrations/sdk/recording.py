"""One request of an SDK and its answer, recorded as a call: begun, fed, ended once. Nothing here raises."""

from __future__ import annotations

import functools
import logging
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec

from turnlog.producers.integrations.sdk.answer import Answer, Assembly, Endpoint, get, text
from turnlog.producers.operations.call import Call

_P = ParamSpec("_P")
_logger = logging.getLogger("turnlog")
_told: set[str] = set()

_streaming: set[Recording] = set()
"""Streams that are being read. Held here, so that a call is not dropped together with the stream that it is told by."""

_abandoned: deque[Recording] = deque()
"""Streams that were dropped unread.

A finaliser may run anywhere, also where this thread holds a queue's lock, so it only appends here; the next request
ends them, or the end of the process.
"""


def quietly(function: Callable[_P, None]) -> Callable[_P, None]:
    """Make a function never raise: what goes wrong in it is told to the ``turnlog`` logger, once for each function."""

    @functools.wraps(function)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except Exception:  # noqa: BLE001 - the caller's request must not suffer from being recorded
            complain(function.__qualname__)

    return wrapped


def complain(where: str) -> None:
    """Tell the operator of the exception at hand, once for each place."""
    if where not in _told:
        _told.add(where)
        _logger.warning("turnlog: %s failed; calls of wrapped SDKs lack what it does", where, exc_info=sys.exception())


class Recording:
    """A request under way, or its answer.

    Args:
        call: The call it is recorded as.
        endpoint: How its answer is read.
        body: What was asked.

    Attributes:
        attempts: How often the SDK has built the request so far.
        over: Whether the call has ended.
        inside: Whether the SDK is just reading from the stream; it closes the response itself when it comes to the end
            or an error, and which of them it is shows only afterwards.
    """

    __slots__ = (
        "_began_ns",
        "_begun",
        "_body",
        "_call",
        "_endpoint",
        "_last_ns",
        "_process",
        "attempts",
        "inside",
        "over",
    )

    def __init__(self, call: Call, endpoint: Endpoint, body: Mapping[str, Any]) -> None:
        self._call = call
        self._endpoint = endpoint
        self._body = body
        self._begun: Assembly | None = None
        self._began_ns = self._last_ns = time.monotonic_ns()
        self._process = os.getpid()
        self.attempts = 0
        self.over = False
        self.inside = False

    @property
    def _assembly(self) -> Assembly:
        """Where a streamed answer is put together; most answers are none."""
        if self._begun is None:
            self._begun = self._endpoint.assembly(self._body)
        return self._begun

    def streams(self) -> None:
        """Say that the answer comes as a stream."""
        _streaming.add(self)

    @quietly
    def chunk(self, chunk: Any) -> None:
        """Take a chunk of the stream; it counts as one of the answer's if it holds a piece of it."""
        self._last_ns = time.monotonic_ns()
        if self._assembly.add(chunk):
            self._call.chunk()

    @quietly
    def answered(self, response: Any) -> None:
        """End with a whole answer."""
        answer = Answer()
        try:
            answer = self._endpoint.response(response)
        finally:
            request_id = getattr(response, "_request_id", None)
            self._end(answer, {"provider.request_id": request_id} if isinstance(request_id, str) else {})

    @quietly
    def ended(self) -> None:
        """End with the stream's end."""
        self._end(self._so_far())

    @quietly
    def left(self) -> None:
        """End because the stream is closed: well, if the answer is whole by then, else as cancelled."""
        if self.inside or self.over:
            return
        if self._assembly.complete:
            self._end(self._so_far())
        else:
            self.fail(GeneratorExit("the stream was closed before its end"))

    @quietly
    def fail(self, error: BaseException) -> None:
        """End with an exception that goes to the caller; what had come of the answer is kept."""
        if not self._ends():
            return
        answer = Answer()
        try:
            completion = get(error, "completion")
            # An answer that does not fit its format is an error of the SDK's, and an answer.
            answer = self._so_far() if completion is None else self._endpoint.response(completion)
        finally:
            fields = answer.fields()
            fields["attributes"] = {**answer.attributes, **told_by(error)}
            self._call.fail(error, **fields, retries=self._retries())

    def abandon(self) -> None:
        """End later, because a finaliser can't."""
        if not (self.over or self.inside):
            _abandoned.append(self)

    @quietly
    def end_abandoned(self) -> None:
        """End as of the last chunk, unless this is a forked child's copy: the stream is its parent's to record."""
        if self._process != os.getpid() or not self._ends():
            return
        answer = self._so_far()
        duration = (self._last_ns - self._began_ns) / 1e9
        fields = {**answer.fields(), "retries": self._retries(), "duration": duration}
        if self._assembly.complete:
            self._call.finish(**fields)
        else:
            self._call.fail(GeneratorExit("the stream was not read to its end"), **fields)

    def _so_far(self) -> Answer:
        try:
            return self._assembly.answer()
        except Exception:  # noqa: BLE001 - an answer of a shape that nobody has thought of: the rest is still known
            complain("Assembly.answer")
            return Answer()

    def _end(self, answer: Answer, attributes: dict[str, Any] | None = None) -> None:
        if not self._ends():
            return
        fields = answer.fields()
        if attributes:
            fields["attributes"] = {**answer.attributes, **attributes}
        if answer.failure is None:
            self._call.finish(**fields, retries=self._retries())
        else:
            error_type, message = answer.failure
            self._call.fail(message, **{**fields, "error_type": error_type}, retries=self._retries())

    def _ends(self) -> bool:
        """Whether this is the first end."""
        first, self.over = not self.over, True
        _streaming.discard(self)
        return first

    def _retries(self) -> int:
        return max(0, self.attempts - 1)


def end_abandoned() -> None:
    """Record the streams that were dropped unread."""
    while _abandoned:
        try:
            recording = _abandoned.popleft()
        except IndexError:  # another thread was faster
            return
        recording.end_abandoned()


def end_all() -> None:
    """Record the streams that are still being read, and those that were dropped: the process ends."""
    end_abandoned()
    for recording in tuple(_streaming):
        recording.end_abandoned()


def told_by(error: BaseException) -> dict[str, Any]:
    """Return what an SDK's exception says beyond its type and text, as attributes."""
    body = get(error, "body")
    inner = get(body, "error")  # Anthropic's body holds the error, OpenAI's is it
    found = {
        "http.response.status_code": get(error, "status_code"),
        "provider.error.type": text(inner, "type") or text(body, "type") or text(error, "type"),
        "provider.error.code": text(inner, "code") or text(error, "code"),
        "provider.request_id": text(error, "request_id"),
    }
    return {name: value for name, value in found.items() if isinstance(value, str | int)}
