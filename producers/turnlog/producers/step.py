"""A step that led to an answer, from its start to its end."""

from __future__ import annotations

from typing import Any, Unpack

from turnlog.producers.fields import StepFields
from turnlog.producers.kinds import STEP, Fields
from turnlog.producers.operation import Operation
from turnlog.producers.pipe import Pipe
from turnlog.producers.scope import Scope
from turnlog.producers.snapshot import snapshot

_CONTENT = ("input", "output", "documents")


class Step(Operation):
    """A step under way; made by :meth:`turnlog.producers.Client.step`.

    Calls, steps and logs inside its ``with`` block point at it.
    """

    __slots__ = ()
    _kind = STEP

    def __init__(self, pipe: Pipe, kind: str, name: str, fields: Fields) -> None:
        fields, size = _copied(fields)
        super().__init__(pipe, {**fields, "kind": kind, "name": name}, size)
        self._fields.setdefault("parent_step_id", self._scope.step_id)
        self._fields.setdefault("call_id", self._scope.call_id)

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

    def _end(self, status: str, fields: Fields, size: int = 0) -> None:
        fields, more = _copied(fields)
        super()._end(status, fields, size + more)

    def _inside(self) -> Scope:
        return Scope(self._scope.fields, self.trace_id, self.span_id, self._scope.call_id, self.event_id)


def _copied(fields: Fields) -> tuple[Fields, int]:
    size = 0
    for name in _CONTENT:
        if name in fields:
            fields[name], more = snapshot(fields[name])
            size += more
    return fields, size
