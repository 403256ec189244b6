"""What a function was called with and what it returned, as a record can show it."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from turnlog.producers.operations.asking import answer

_DEPTH = 8
_AS_IT_IS = (str, bytes, bool, int, float, Decimal, Enum, date, time, timedelta, PurePath, UUID)
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Arguments:
    """Names a function's arguments, without the costs of ``inspect.Signature.bind``.

    Args:
        function: Its signature is looked at once, here.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        # A builtin may not tell.
        nothing: list[inspect.Parameter] = []
        parameters = answer(lambda: [*inspect.signature(function).parameters.values()], nothing)
        self._names = [each.name for each in parameters if each.kind in _POSITIONAL]
        # A method's object is not what it was asked.
        self._skipped = 1 if self._names[:1] in (["self"], ["cls"]) else 0

    def of(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments by name as they can be shown; those beyond the named ones as ``args``."""
        named = zip(self._names[self._skipped :], args[self._skipped :], strict=False)
        shown = {name: show(value) for name, value in named}
        beyond = args[len(self._names) :]
        if beyond:
            shown["args"] = show(beyond)
        shown.update((name, show(value)) for name, value in kwargs.items())
        return shown


def show(value: Any) -> Any:
    """Return a copy of a value that holds data alone; never raises.

    Texts, numbers, containers, dataclasses and pydantic models are data. Any other object, such as a client with its
    keys or a session with a user's cookies, is named by its class and not looked into.
    """
    try:
        return _show(value, 0)
    except Exception:  # noqa: BLE001 - a value's own methods may do anything
        return f"<{type(value).__name__}>"


def _show(value: Any, depth: int) -> Any:  # noqa: PLR0911 - one return for each kind of value
    if value is None or isinstance(value, _AS_IT_IS):
        return value
    if depth > _DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {key: _show(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_show(each, depth + 1) for each in value]
    kind = type(value)
    if dataclasses.is_dataclass(kind):
        return {each.name: _show(getattr(value, each.name), depth + 1) for each in dataclasses.fields(kind)}
    if callable(getattr(kind, "model_dump", None)):
        return _show(value.model_dump(), depth + 1)
    return f"<{kind.__qualname__}>"
