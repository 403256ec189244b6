"""What calls and steps share: a start, an end, an outcome, and a scope for what happens inside them."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Token
from types import TracebackType
from typing import Any, Self

from turnlog.producers.errors import outcome_of
from turnlog.producers.ids import TraceParent, event_id
from turnlog.producers.kinds import Fields, Kind
from turnlog.producers.pipe import Pipe
from turnlog.producers.scope import Scope, current, leave

_WHERE = ("tenant", "conversation_id", "turn_id", "user_key", "session_id")


class Operation:
    """Something that takes time and ends well or badly; recorded once, when it ends.

    As a ``with`` block it ends with the block: well, or by the exception that leaves it. Without one, call
    :meth:`fail` or the subclass's ``finish``; what never ends is never recorded. Safe to end in another thread.

    Attributes:
        event_id: Its id, which scores and steps may point at.
        trace_id: W3C trace id.
        span_id: W3C span id.
    """

    __slots__ = (
        "_began_ns",
        "_began_us",
        "_ended",
        "_fields",
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
        given = fields.get("event_id")
        self.event_id: str = ids.event() if given is None else event_id(given)
        self.trace_id: str = _text(fields, "trace_id") or scope.trace_id or ids.trace()
        self.span_id: str = _text(fields, "span_id") or ids.span()
        self._pipe = pipe
        self._scope = scope
        self._size = size
        self._ended = False
        self._token: Token[Scope] | None = None
        self._fields = {
            **scope.fields,
            "parent_span_id": scope.span_id,
            **fields,
            "event_id": self.event_id,
            "trace_id": self.trace_id,
            "span_id": self.span_id,
        }
        if "attributes" in fields:
            self._fields["attributes"] = attributes_of(scope.fields.get("attributes"), fields["attributes"])
        self._began_us = pipe.clock.wall_us()
        self._began_ns = pipe.clock.monotonic_ns()

    @property
    def traceparent(self) -> str:
        """The W3C header for requests that are part of this operation."""
        return str(TraceParent(self.trace_id, self.span_id))

    def coordinates(self) -> Fields:
        """Return the fields by which a later event points here and belongs to the same chat."""
        here = {name: self._fields[name] for name in _WHERE if name in self._fields}
        return {**here, "trace_id": self.trace_id, "target_event_id": self.event_id}

    def set(self, **attributes: Any) -> Self:
        """Add attributes."""
        self._fields["attributes"] = attributes_of(self._fields.get("attributes"), attributes)
        return self

    def fail(self, error: BaseException | str, **fields: Any) -> None:
        """End it with an error: an exception (timeouts and cancellations are told apart) or a text.

        Args:
            error: What went wrong.
            fields: What else is known, as for ``finish``.
        """
        status, error_type, error_message = outcome_of(error)
        self._end(status, {"error_type": error_type, "error_message": error_message, **fields})

    def _end(self, status: str, fields: Fields, size: int = 0) -> None:
        if self._ended:
            return
        self._ended = True
        elapsed = self._pipe.clock.monotonic_ns() - self._began_ns
        every = self._fields
        attributes = fields.pop("attributes", None)
        every.update(fields)
        if attributes is not None:
            every["attributes"] = attributes_of(every.get("attributes"), attributes)
        every["status"] = status
        every["began"] = (self._began_us, max(0, elapsed) // 1000)
        self._pipe.put(self._kind, every, self._size + size)

    def _inside(self) -> Scope:
        """Return the scope of what happens inside."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._token = current.set(self._inside())
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


def _text(fields: Fields, name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) else None


def attributes_of(*mappings: Any) -> dict[Any, Any]:
    """Return attributes together, the last of a name; what is no mapping has none."""
    together: dict[Any, Any] = {}
    for each in mappings:
        if isinstance(each, Mapping):
            together.update(each)
    return together
