"""What calls and steps share: a start, an end, an outcome, and a scope for what happens inside them."""

from __future__ import annotations

from contextvars import Token
from types import TracebackType
from typing import Any, Self
from weakref import ref

from turnlog.producers.ids import TraceParent, event_id
from turnlog.producers.isa import is_a, is_mapping
from turnlog.producers.kinds import Fields, Kind
from turnlog.producers.operations.cancelling import verdict
from turnlog.producers.operations.errors import outcome_of
from turnlog.producers.operations.scope import Scope, current, leave
from turnlog.producers.pipe import Pipe

DROPPED = "dropped"
"""error_type of what nobody held any more before it was ended."""

_WHERE = ("tenant", "conversation_id", "turn_id", "user_key", "session_id")


class Operation:
    """Something that takes time and ends well or badly; recorded once, when it ends.

    As a ``with`` or ``async with`` block it ends with the block: well, or by the exception that leaves it. Without
    one, call :meth:`fail` or the subclass's ``finish``; one that is dropped without an end is recorded as cancelled.
    Safe to end in another thread.

    Attributes:
        event_id: Its id, which scores and steps may point at.
        trace_id: W3C trace id.
        span_id: W3C span id.
    """

    __slots__ = (
        "__weakref__",
        "_began_ns",
        "_began_us",
        "_ended",
        "_fields",
        "_outer_span",
        "_pipe",
        "_scope",
        "_size",
        "_token",
        "event_id",
        "span_id",
        "trace_id",
    )
    _kind: Kind

    def __init__(self, pipe: Pipe, fields: Fields, size: int) -> None:
        scope = current.get()
        ids = pipe.ids
        every = {**scope.fields, **fields}
        given = fields.get("event_id")
        trace_id, parent_span_id, self._outer_span = scope.place()
        self.event_id: str = ids.event() if given is None else event_id(given)
        self.trace_id: str = ("trace_id" in fields and _text(fields["trace_id"])) or trace_id or ids.trace()
        self.span_id: str = ("span_id" in fields and _text(fields["span_id"])) or ids.span()
        self._pipe = pipe
        self._scope = scope
        self._size = size
        self._token: Token[Scope] | None = None
        if parent_span_id is not None:
            every.setdefault("parent_span_id", parent_span_id)
        every["event_id"] = self.event_id
        every["trace_id"] = self.trace_id
        every["span_id"] = self.span_id
        if "attributes" in fields:
            every["attributes"] = attributes_of(scope.fields.get("attributes"), fields["attributes"])
        self._fields = every
        self._began_us = pipe.clock.wall_us()
        self._began_ns = pipe.clock.monotonic_ns()
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether it has ended, well or badly."""
        return self._ended

    @property
    def traceparent(self) -> str:
        """The W3C header for requests that are part of this operation."""
        return str(TraceParent(self.trace_id, self.span_id))

    def coordinates(self) -> Fields:
        """Return the fields by which a later event points here and belongs to the same chat."""
        here = {name: self._fields[name] for name in _WHERE if name in self._fields}
        return {**here, "trace_id": self.trace_id, "target_event_id": self.event_id}

    def set(self, **attributes: Any) -> Self:
        """Add attributes; ignored after the end."""
        if not self._ended:
            self._fields["attributes"] = attributes_of(self._fields.get("attributes"), attributes)
        return self

    def fail(self, error: BaseException | str, **fields: Any) -> None:
        """End it with an error: an exception (timeouts and cancellations are told apart) or a text.

        Args:
            error: What went wrong.
            fields: What else is known, as for ``finish``.
        """
        status, error_type, error_message = outcome_of(error)
        self._end(status, {"error_type": error_type, "error_message": error_message, **fields}, error=error)

    def _add(self, fields: Fields, size: int = 0) -> None:
        """Add what is known now; ignored after the end."""
        if self._ended:
            return
        self._size += size
        attributes = fields.pop("attributes", None)
        self._fields.update(fields)
        if attributes is not None:
            self._fields["attributes"] = attributes_of(self._fields.get("attributes"), attributes)

    def _end(self, status: str, fields: Fields, size: int = 0, error: object = None) -> None:
        if self._ended:
            return
        elapsed = self._pipe.clock.monotonic_ns() - self._began_ns
        self._add(fields, size)
        self._ended = True
        every = self._fields
        every["status"] = status
        every["began"] = (self._began_us, max(0, elapsed) // 1000)
        if status == "cancelled" and is_a(error, BaseException) and self._await_verdict(error):
            return
        self._pipe.put(self._kind, every, self._size)

    def _await_verdict(self, error: BaseException) -> bool:
        """Put the event aside until it is known whether a timeout has cancelled it; False if that is known."""
        pipe, every = self._pipe, self._fields

        def settle() -> None:
            if pipe.settled(settle):
                if timed_out is not None and timed_out():
                    every["status"], every["error_type"] = "timeout", "TimeoutError"
                pipe.put(self._kind, every, self._size)

        timed_out = verdict(error, settle)
        if timed_out is None:
            return False
        pipe.unsettled(settle)
        return True

    def inside(self) -> Scope:
        """Return the scope of what happens inside."""
        raise NotImplementedError

    def _me(self) -> ref[Self]:
        # Weak: a task that was started inside and lives on must not keep the texts of a call that has ended.
        return ref(self)

    def __enter__(self) -> Self:
        self._token = current.set(self.inside())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        leave(self._token)
        self._token = None
        if not self._ended:
            if error is None:
                self._end("ok", {})
            else:
                self.fail(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __del__(self) -> None:
        # _ended is set last by the constructor: one that failed has nothing to tell.
        if not getattr(self, "_ended", True):
            self._dropped()

    def _dropped(self) -> None:
        self._end("cancelled", {"error_type": DROPPED, "error_message": "nobody held it any more"})


def _text(value: Any) -> str | None:
    return value if value is not None and is_a(value, str) else None


def attributes_of(*mappings: Any) -> dict[Any, Any]:
    """Return attributes together, the last of a name; what is no mapping has none."""
    together: dict[Any, Any] = {}
    for each in mappings:
        if each is None:
            continue
        try:
            if type(each) is dict or is_mapping(each):
                together.update(each)
        except Exception:  # noqa: BLE001, S112 - a mapping's own methods may do anything
            continue
    return together
