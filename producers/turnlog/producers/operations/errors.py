"""How exceptions are told: which ended an operation, and how."""

from __future__ import annotations

from traceback import TracebackException
from typing import cast

from turnlog.producers.fields import Status
from turnlog.producers.isa import is_a

_CANCELLED = frozenset({"CancelledError", "GeneratorExit", "KeyboardInterrupt"})


def outcome_of(error: BaseException | str) -> tuple[Status, str, str]:
    """Return an error's status, type and message.

    A timeout is a TimeoutError or anything named after one, as HTTP and model clients have theirs; cancelled is what
    asyncio, concurrent.futures, a closed generator or Ctrl-C ended.
    """
    if not is_a(error, BaseException):
        return "error", "error", cast("str", error)
    names = [each.__name__ for each in type(error).__mro__]
    if not _CANCELLED.isdisjoint(names):
        status: Status = "cancelled"
    elif any("Timeout" in name for name in names):
        status = "timeout"
    else:
        status = "error"
    return status, type_of(error), message_of(error)


def type_of(error: BaseException) -> str:
    """Return an exception's class, with its module unless it is built in."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def message_of(error: BaseException) -> str:
    """Return an exception's text; never raises."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an exception's own __str__ may do anything
        return ""


def trace_of(error: BaseException) -> TracebackException | None:
    """Return an exception's traceback without its source lines, which are files to read; None if that fails."""
    try:
        return TracebackException(type(error), error, error.__traceback__, lookup_lines=False, compact=True)
    except Exception:  # noqa: BLE001 - same
        return None
