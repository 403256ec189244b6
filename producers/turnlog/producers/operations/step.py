"""A step that led to an answer, from its start to its end."""

from __future__ import annotations

from typing import Any, Self, Unpack

from turnlog.producers.fields import StepFields
from turnlog.producers.kinds import STEP, Fields
from turnlog.producers.operations.operation import Operation
from turnlog.producers.operations.scope import Scope
from turnlog.producers.operations.snapshot import copy_in
from turnlog.producers.pipe import Pipe

_CONTENT = ("input", "output", "documents")


class Step(Operation):
    """A step under way; made by :meth:`turnlog.producers.Client.step`.

    Calls, steps and logs inside its ``with`` block point at it.
    """

    __slots__ = ()
    _kind = STEP

    def __init__(self, pipe: Pipe, kind: str, name: str, fields: Fields) -> None:
        size = copy_in(fields, _CONTENT)
        super().__init__(pipe, {**fields, "kind": kind, "name": name}, size)
        self._fields.setdefault("parent_step_id", self._scope.step_id)
        self._fields.setdefault("call_id", self._scope.call_id)

    @property
    def is_retrieval(self) -> bool:
        """Whether it is a retrieval, whose result is documents."""
        return str.__eq__("retrieval", self._fields.get("kind")) is True

    def update(self, output: Any = None, **fields: Unpack[StepFields]) -> Self:
        """Say what is known by now, such as documents or a verdict; ignored after the end."""
        given: Fields = {**fields}
        if output is not None:
            given["output"] = output
        self._add(given, copy_in(given, _CONTENT))
        return self

    def finish(self, output: Any = None, **fields: Unpack[StepFields]) -> None:
        """End the step well; only the first end counts.

        Args:
            output: What it returned: a text, or anything that JSON can say.
            fields: What is known now, such as documents, verdict, action.
        """
        given: Fields = {**fields}
        if output is not None:
            given["output"] = output
        self._end("ok", given)

    def _end(self, status: str, fields: Fields, size: int = 0, error: object = None) -> None:
        super()._end(status, fields, size + copy_in(fields, _CONTENT), error)

    def inside(self) -> Scope:
        """Return the scope of what happens inside."""
        above = self._scope
        return Scope(
            above.fields,
            self.trace_id,
            self.span_id,
            above.call_id,
            self.event_id,
            self._outer_span,
            above.call,
            self._me(),
        )
