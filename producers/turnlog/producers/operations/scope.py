"""Which conversation, turn and operation code runs in: a contextvar that tasks and threads' contexts inherit.

One variable serves all clients of a process, so that a library's client and the application's agree on the turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token, copy_context
from functools import wraps
from types import TracebackType
from typing import Any, NamedTuple, ParamSpec, Self, TypeVar

from turnlog.producers.ids import Ids, TraceParent
from turnlog.producers.operations import otel
from turnlog.producers.operations.asking import answer

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Scope(NamedTuple):
    """What events inherit from the code around them.

    Attributes:
        fields: Common fields of every event, by the schemas' names.
        trace_id: W3C trace of the turn; None outside of one.
        span_id: W3C span of the enclosing operation, here or, by ``traceparent``, in a caller.
        call_id: event_id of the enclosing model call.
        step_id: event_id of the enclosing step.
        outer_span: OpenTelemetry's span that was active when this scope was entered; another one is inside of it.
        call: Gives the enclosing call, as long as somebody holds it.
        step: Gives the enclosing step, as long as somebody holds it.
    """

    fields: Mapping[str, Any] = {}
    trace_id: str | None = None
    span_id: str | None = None
    call_id: str | None = None
    step_id: str | None = None
    outer_span: int = otel.NONE
    call: Callable[[], Any] | None = None
    step: Callable[[], Any] | None = None

    def place(self) -> tuple[str | None, str | None, int]:
        """Return the trace, and the span in it, that something here belongs to, and OpenTelemetry's span.

        OpenTelemetry's active span is the parent if it was started inside this scope and belongs to its trace, or if
        there is no trace here yet.
        """
        context = otel.active_span()
        if context is None:
            return self.trace_id, self.span_id, otel.NONE
        outer = otel.span_number(context)
        if outer == self.outer_span:
            return self.trace_id, self.span_id, outer
        parent = otel.parent_of(context)
        if self.trace_id in (None, parent.trace_id):
            return parent.trace_id, parent.span_id, outer
        return self.trace_id, self.span_id, outer


current: ContextVar[Scope] = ContextVar("turnlog_scope", default=Scope())  # noqa: B039 - a Scope never changes


class Entered:
    """A scope that is in force inside a ``with`` or ``async with`` block."""

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

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)


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
        parent, outer = _parent(above, traceparent)
        inherited = {name: value for name, value in above.fields.items() if name != "turn_id"}
        super().__init__(
            Scope(
                {**inherited, **fields, "conversation_id": conversation_id},
                parent.trace_id if parent else None,
                parent.span_id if parent else None,
                outer_span=outer,
            )
        )
        self.conversation_id = conversation_id


class Turn(Entered):
    """One exchange in a chat, with a trace of its own unless it joins one.

    Attributes:
        turn_id: Its id.
        trace_id: W3C trace of everything inside.
    """

    __slots__ = ("trace_id", "turn_id")

    def __init__(self, ids: Ids, turn_id: str | None, fields: Mapping[str, Any], traceparent: str | None) -> None:
        above = current.get()
        parent, outer = _parent(above, traceparent)
        self.turn_id = ids.event() if turn_id is None else turn_id
        self.trace_id = parent.trace_id if parent else ids.trace()
        super().__init__(
            Scope(
                {**above.fields, **fields, "turn_id": self.turn_id},
                self.trace_id,
                parent.span_id if parent else None,
                None,
                above.step_id,
                outer,
                step=above.step,
            )
        )


def _parent(above: Scope, traceparent: str | None) -> tuple[TraceParent | None, int]:
    """Return what a conversation or turn is part of, and OpenTelemetry's span around it.

    That is, in this order: the header that came with the request, OpenTelemetry's span if it was started since the
    scope above was entered, the scope above.
    """
    context = otel.active_span()
    outer = otel.span_number(context)
    parent = TraceParent.parse(traceparent)
    if parent is None and context is not None and outer != above.outer_span:
        parent = otel.parent_of(context)
    if parent is None and above.trace_id is not None and above.span_id is not None:
        parent = TraceParent(above.trace_id, above.span_id)
    return parent, outer


def traceparent() -> str | None:
    """Return the header for requests made here, so that what they log joins this trace; None outside of a trace."""
    trace_id, span_id, _ = current.get().place()
    return None if trace_id is None or span_id is None else str(TraceParent(trace_id, span_id))


def bind(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Return a function that runs in the context of this moment, whichever thread calls it, and however often."""
    context = copy_context()
    given: Any = function
    if not callable(given):
        return function  # which fails where it would have failed

    def bound(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        # A context can be entered by one thread at a time, and what one run sets is no business of the next.
        return context.copy().run(function, *args, **kwargs)

    return named_as(function, bound)


def name_of(function: object) -> str:
    """Return a function's name, or its type's if it can't say one."""
    kind = type(function).__name__
    return answer(lambda: str(getattr(function, "__qualname__", kind)), kind)


def named_as(function: Callable[..., Any], wrapper: Callable[_P, _R]) -> Callable[_P, _R]:
    """Return a wrapper with a function's name and documentation, if the function can say them."""
    return answer(lambda: wraps(function)(wrapper), wrapper)
