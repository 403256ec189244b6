"""structlog, to a client: a processor that may stand anywhere before the renderer.

import structlog
from turnlog.producers.integrations.structlog import TurnlogProcessor

structlog.configure(processors=[structlog.contextvars.merge_contextvars, TurnlogProcessor(client),
                                structlog.dev.ConsoleRenderer()])
structlog.get_logger().info("answered", conversation_id="c-1", parcel="p-9")

Nothing of structlog is imported here, unless the processor is to drop events.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, MutableMapping
from threading import local
from typing import Any

from turnlog.producers.client import Client
from turnlog.producers.integrations.lines import readable, understand, write
from turnlog.producers.integrations.stdlib_logging import is_about_turnlog
from turnlog.producers.kinds import Fields
from turnlog.schemas.extras import require

_LEVELS = {
    "notset": 0,
    "trace": 5,
    "debug": 10,
    "info": 20,
    "msg": 20,
    "log": 20,
    "warn": 30,
    "warning": 30,
    "err": 40,
    "error": 40,
    "exception": 40,
    "critical": 50,
    "fatal": 50,
}
_CALLSITE = {"pathname": "code_file", "lineno": "code_line", "func_name": "code_function"}
_PLACES = {"thread_name": "thread.name", "process_name": "process.name", "task_name": "task.name"}
_TAKEN = frozenset(
    {
        "event",
        "level",
        "level_number",
        "log_level",
        "logger",
        "logger_name",
        "timestamp",
        "exc_info",
        "exception",
        "stack",
        "stack_info",
        "positional_args",
        "_record",
        "_from_structlog",
        *_CALLSITE,
        *_PLACES,
    }
)


class TurnlogProcessor:
    """Hands each event to a client and passes it on unchanged; never blocks or raises.

    Understands what the processors before it may have added: level, logger name, positional arguments, exceptions as
    ``exc_info`` or rendered, stack, and call site. Keys bound by :mod:`structlog.contextvars` count even where
    ``merge_contextvars`` has not run yet. Types, known fields and security events are as for
    :class:`turnlog.producers.integrations.stdlib_logging.TurnlogHandler`.

    Args:
        client: Where to.
        drop: Whether to end the event here, as the last processor, instead of passing it on.

    Raises:
        MissingExtraError: If events are to be dropped, and there is no structlog.
    """

    def __init__(self, client: Client, *, drop: bool = False) -> None:
        self._client = client
        self._here = local()
        self._drop: type[BaseException] | None = None
        if drop:
            require("turnlog.producers.integrations.structlog", "processors", "structlog")
            from structlog import DropEvent  # noqa: PLC0415 - needed only here, by those who have it

            self._drop = DropEvent

    def __call__(self, logger: Any, method_name: str, event_dict: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Hand over an event."""
        if not getattr(self._here, "busy", False):
            self._here.busy = True
            try:
                self._write(logger, method_name, event_dict)
            except Exception:  # noqa: BLE001 - an event may hold anything, and the chain goes on
                self._client.error("an event of structlog can't be read", logger="structlog")
            finally:
                self._here.busy = False
        if self._drop is not None:
            raise self._drop
        return event_dict

    def _write(self, logger: Any, method_name: str, event: Any) -> None:
        if not isinstance(event, Mapping):
            event = {"event": event}  # rendered already
        name = event.get("logger") or event.get("logger_name") or getattr(logger, "name", None)
        if isinstance(name, str) and is_about_turnlog(name):
            return
        bound = {**_contextvars(), **event}
        level = _level(bound, method_name)
        line = understand(level, {key: value for key, value in bound.items() if key not in _TAKEN})
        body, more = _said(bound)
        fields = line.fields
        fields["severity_text"] = _level_name(bound, method_name).upper()
        if name is not None:
            fields["logger"] = readable(name)
        fields.update((ours, bound[theirs]) for theirs, ours in _CALLSITE.items() if theirs in bound)
        more |= {ours: bound[theirs] for theirs, ours in _PLACES.items() if theirs in bound}
        _add_exception(fields, bound)
        if more:
            fields["attributes"] = {**more, **fields.get("attributes", {})}
        write(self._client, line, body)


def _level_name(event: Mapping[str, Any], method_name: str) -> str:
    level = event.get("level") or event.get("log_level") or method_name
    return "error" if level == "exception" else readable(level)


def _level(event: Mapping[str, Any], method_name: str) -> int:
    number = event.get("level_number")
    if isinstance(number, int):
        return number
    return _LEVELS.get(_level_name(event, method_name).lower(), 20)


def _said(event: Mapping[str, Any]) -> tuple[Any, Fields]:
    """Return the body, and what is to be added to the attributes."""
    body, args = event.get("event"), event.get("positional_args")
    more: Fields = {}
    stack = event.get("stack")
    if stack is not None:
        more["code.stacktrace"] = stack
    if args:
        try:
            return str(body) % (args[0] if len(args) == 1 and isinstance(args[0], Mapping) else tuple(args)), more
        except Exception:  # noqa: BLE001 - arguments that do not fit, or a value's own __str__
            more["logging.args"] = [readable(each) for each in args]
    return "" if body is None else readable(body), more


def _add_exception(fields: Fields, event: Mapping[str, Any]) -> None:
    info = event.get("exc_info")
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) and len(info) > 1 else info
    if isinstance(error, BaseException):
        fields["exception"] = error
    elif event.get("exception") is not None:
        fields["exception_stacktrace"] = event["exception"]
        error = sys.exc_info()[1]
        if error is not None:  # rendered by a processor before this one, still being handled
            fields["exception_type"], fields["exception_message"] = type(error).__qualname__, readable(error)


def _contextvars() -> Mapping[str, Any]:
    module = sys.modules.get("structlog.contextvars")
    get: Callable[[], Mapping[str, Any]] | None = getattr(module, "get_contextvars", None)
    return get() if get is not None else {}
