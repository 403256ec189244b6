"""Which conversation, turn and operation code runs in: a contextvar that tasks and threads' contexts inherit.

One variable serves all clients of a process, so that a library's client and the application's agree on the turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, NamedTuple, Self

from turnlog.producers.ids import Ids, TraceParent


class Scope(NamedTuple):
    """What events inherit from the code around them.

    Attributes:
        fields: Common fields of every event, by the schemas' names.
        trace_id: W3C trace of the turn; None outside of one.
        span_id: W3C span of the enclosing operation, here or, by ``traceparent``, in a caller.
        call_id: event_id of the enclosing model call.
        step_id: event_id of the enclosing step.
    """

    fields: Mapping[str, Any] = {}
    trace_id: str | None = None
    span_id: str | None = None
    call_id: str | None = None
    step_id: str | None = None


current: ContextVar[Scope] = ContextVar("turnlog_scope", default=Scope())  # noqa: B039 - a Scope never changes


class Entered:
    """A scope that is in force inside a ``with`` block."""

    __slots__ = ("_scope", "_token")

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._token: Token[Scope] | None = None

    def __enter__(self) -> Self:
        self._token = current.set(self._scope)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        leave(self._token)
        self._token = None


def leave(token: Token[Scope] | None) -> None:
    """Go back to the scope before, if this is the context that was entered; a generator may end in another."""
    if token is not None:
        try:
            current.reset(token)
        except (ValueError, RuntimeError):
            return


class Conversation(Entered):
    """A chat; events inside the ``with`` block belong to it.

    Attributes:
        conversation_id: Its id.
    """

    __slots__ = ("conversation_id",)

    def __init__(self, conversation_id: str, fields: Mapping[str, Any], traceparent: str | None) -> None:
        above = current.get()
        parent = TraceParent.parse(traceparent)
        if parent is None and above.trace_id is not None and above.span_id is not None:
            parent = TraceParent(above.trace_id, above.span_id)
        inherited = {name: value for name, value in above.fields.items() if name != "turn_id"}
        super().__init__(
            Scope(
                {**inherited, **fields, "conversation_id": conversation_id},
                parent.trace_id if parent else None,
                parent.span_id if parent else None,
            )
        )
        self.conversation_id = conversation_id


class Turn(Entered):
    """One exchange in a chat, with a trace of its own.

    Attributes:
        turn_id: Its id.
        trace_id: W3C trace of everything inside.
    """

    __slots__ = ("trace_id", "turn_id")

    def __init__(self, ids: Ids, turn_id: str | None, fields: Mapping[str, Any], traceparent: str | None) -> None:
        above = current.get()
        parent = TraceParent.parse(traceparent)
        if parent is None and above.trace_id is not None and above.span_id is not None:
            parent = TraceParent(above.trace_id, above.span_id)
        self.turn_id = ids.event() if turn_id is None else turn_id
        self.trace_id = parent.trace_id if parent else ids.trace()
        super().__init__(
            Scope(
                {**above.fields, **fields, "turn_id": self.turn_id},
                self.trace_id,
                parent.span_id if parent else None,
                None,
                above.step_id,
            )
        )


def traceparent() -> str | None:
    """Return the header for requests made here, so that what they log joins this trace; None outside of a trace."""
    scope = current.get()
    if scope.trace_id is None or scope.span_id is None:
        return None
    return str(TraceParent(scope.trace_id, scope.span_id))
