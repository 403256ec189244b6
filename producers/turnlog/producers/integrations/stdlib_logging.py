"""The standard library's logging, to a client.

    import logging
    from turnlog.producers.integrations.stdlib_logging import TurnlogHandler

    logging.getLogger().addHandler(TurnlogHandler(client, level="INFO"))
    logging.info("parcel %s found", "p-9", extra={"conversation_id": "c-1", "warehouse": "north"})
    logging.warning("login refused", extra={"security": "authn_login_fail"})

By :func:`logging.config.dictConfig` it is ``"class": "turnlog.producers.integrations.stdlib_logging.TurnlogHandler"``,
with ``client`` an ``ext://`` reference, or without one to have the client that the environment describes. Behind a
:class:`logging.handlers.QueueHandler`, give that handler a :class:`TurnlogContext` as a filter.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import Any

from turnlog.producers.client import Client
from turnlog.producers.integrations.lines import readable, understand, write
from turnlog.producers.kinds import Fields
from turnlog.producers.operations.errors import message_of, trace_of, type_of
from turnlog.producers.operations.scope import current

_STANDARD = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {
    "asctime",
    "message",
    "taskName",
    "turnlog_context",
}
_OTEL = {"otelTraceID": "trace_id", "otelSpanID": "parent_span_id"}
"""What OpenTelemetry's logging instrumentation puts into records."""
_OTEL_NOISE = frozenset({*_OTEL, "otelServiceName", "otelTraceSampled"})

_NOT_OURS = frozenset({"turnlog", "confluent_kafka", "librdkafka"})
"""Top loggers of what carries the events: a line about them must not become an event that causes another line."""

_WORKER = "turnlog"
"""Name of the thread that encodes and sends: what a value's own __str__ logs there must not start over."""


class TurnlogHandler(logging.Handler):
    """Hands records to a client; nothing here blocks but :meth:`flush` and :meth:`close`, and nothing raises.

    The level decides the type: below INFO debug, below ERROR info, else error. A record with ``extra={"security": …}``
    or ``extra={"security_event": …}``, or of one of the ``security_loggers``, is a security event (see
    :func:`turnlog.producers.integrations.lines.understand`). Fields of ``extra`` that a line knows, such as
    ``conversation_id``, ``turn_id``, ``user_key``, ``event_name`` and ``tenant``, go there, all others to its
    attributes; what is not said comes from the conversation and turn that the code runs in. Formatters are not asked:
    the line holds the message, its template, and where it was logged, each in its own field.

    Args:
        client: Where to; by default the client that the environment describes, which closes with the handler.
        level: Records below it are not handled.
        security_loggers: Names of loggers whose records, and those of the loggers below them, are security events.
        flush_timeout: Seconds that :meth:`flush` and :meth:`close` may take.

    Raises:
        SettingError: If there is no client and the environment does not describe one.
    """

    def __init__(
        self,
        client: Client | None = None,
        level: int | str = logging.NOTSET,
        *,
        security_loggers: Sequence[str] = (),
        flush_timeout: float = 5.0,
    ) -> None:
        super().__init__(level)
        self._own = client is None
        self._client = Client.from_env() if client is None else client
        self._security = (security_loggers,) if isinstance(security_loggers, str) else tuple(security_loggers)
        self._timeout = flush_timeout
        self._here = threading.local()

    def createLock(self) -> None:  # noqa: N802 - the standard library's name
        """Have no lock: a client may be used from any thread, so threads need not wait for each other here."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Hand over a record, unless it is about turnlog itself or comes from inside of this method."""
        if getattr(self._here, "busy", False) or record.threadName == _WORKER or is_about_turnlog(record.name):
            return
        self._here.busy = True
        try:
            name = record.name
            secure = bool(self._security) and _is_of(name, self._security)
            line = understand(record.levelno, _extras(record), security=secure, name=name)
            body = _complete(record, line.fields)
            write(self._client, line, body)
        except Exception:  # noqa: BLE001 - a record may hold anything; logging says so on stderr if it is told to
            self.handleError(record)
        finally:
            self._here.busy = False

    def flush(self) -> None:
        """Wait until everything so far is delivered or given up, for at most the flush timeout."""
        self._client.flush(self._timeout)

    def close(self) -> None:
        """Close the client if it is the handler's own."""
        if self._own:
            self._client.close(self._timeout)
        super().close()


class TurnlogContext(logging.Filter):
    """Lets every record pass, and notes on it what only the thread that logs it knows: for a QueueHandler.

    What is noted is plain, so that records can go to another process: the conversation, turn and call, the template,
    and the exception.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Note it."""
        scope = current.get()
        noted: Fields = {
            **scope.fields,
            "trace_id": scope.trace_id,
            "parent_span_id": scope.span_id,
            "call_id": scope.call_id,
        }
        if record.args and isinstance(record.msg, str):
            noted["template"] = record.msg
        error = _error_of(record)
        if error is not None:
            trace = trace_of(error)
            noted["exception_type"] = type_of(error)
            noted["exception_message"] = message_of(error)
            noted["exception_stacktrace"] = "".join(trace.format()) if trace else None
        record.turnlog_context = {key: value for key, value in noted.items() if value is not None}
        return True


def is_about_turnlog(name: str) -> bool:
    """Whether a logger is turnlog's own or that of its Kafka client."""
    return name.partition(".")[0] in _NOT_OURS


def _is_of(name: str, parents: Sequence[str]) -> bool:
    """Whether a logger is one of these or below one."""
    return any(name == each or (name.startswith(each) and name[len(each)] == ".") for each in parents)


def _extras(record: logging.LogRecord) -> Fields:
    given = record.__dict__
    loose = {key: given[key] for key in given.keys() - _STANDARD}
    if loose and not _OTEL_NOISE.isdisjoint(loose):
        for theirs, ours in _OTEL.items():
            value = loose.get(theirs)
            if isinstance(value, str) and value.strip("0"):
                loose.setdefault(ours, value)
        for name in _OTEL_NOISE:
            loose.pop(name, None)
    return loose


def _complete(record: logging.LogRecord, fields: Fields) -> Any:
    """Add what every record knows of itself; return the body."""
    fields.setdefault("event_time", record.created)
    fields["severity_text"] = record.levelname
    fields["logger"] = record.name
    fields["code_file"] = record.pathname
    fields["code_line"] = record.lineno
    fields["code_function"] = record.funcName
    attributes = _where(record)
    error = _error_of(record)
    if error is not None:
        fields["exception"] = error
    elif record.exc_text:
        fields["exception_stacktrace"] = record.exc_text
    if record.stack_info:
        attributes["code.stacktrace"] = record.stack_info
    try:
        body: Any = record.getMessage()
        if record.args:
            fields["template"] = readable(record.msg)
    except Exception as broken:  # noqa: BLE001 - arguments that do not fit, or a value's own __str__
        body = readable(record.msg)
        attributes["logging.error"] = f"{type_of(broken)}: {message_of(broken)}"
        attributes["logging.args"] = [readable(each) for each in _listed(record.args)]
    noted = getattr(record, "turnlog_context", None)
    if isinstance(noted, dict):
        inherited = noted.get("attributes")
        attributes = {**(inherited if isinstance(inherited, dict) else {}), **attributes}
        for key, value in noted.items():
            if key != "attributes" and (key not in fields or key == "exception_stacktrace"):
                fields[key] = value
    if attributes:
        fields["attributes"] = {**attributes, **fields.get("attributes", {})}
    return body


def _where(record: logging.LogRecord) -> Fields:
    """Return the names of thread, process and task, except those that say nothing."""
    names: Fields = {}
    if record.threadName and record.threadName != "MainThread":
        names["thread.name"] = record.threadName
    if record.processName and record.processName != "MainProcess":
        names["process.name"] = record.processName
    task = getattr(record, "taskName", None)
    if task:
        names["task.name"] = task
    return names


def _error_of(record: logging.LogRecord) -> BaseException | None:
    info: Any = record.exc_info
    if info is None:
        return None
    error = info[1] if isinstance(info, tuple) and len(info) > 1 else info
    return error if isinstance(error, BaseException) else None


def _listed(args: Any) -> Sequence[Any]:
    return args if isinstance(args, tuple) else (args,)
