"""Records, to a client."""

from __future__ import annotations

from typing import Any

from turnlog.producers.client import Client
from turnlog.producers.integrations.genai.values import Record


class CancelledError(Exception):
    """Stands for what cancelled an operation, for clients tell that by an exception's name."""


def write(client: Client, record: Record) -> None:
    """Hand a record to a client; never blocks or raises."""
    given = dict(record.fields)
    if record.what == "score":
        client.score(given.pop("name"), given.pop("value", None), **given)
        return
    operation: Any
    if record.what == "call":
        operation = client.start_call(provider=given.pop("provider"), model=given.pop("model"), **given)
    else:
        operation = client.start_step(given.pop("kind"), given.pop("name"), **given)
    if record.error is None:
        operation.finish(**record.end)
        return
    kind, message = record.error
    error: Exception | str = message
    if record.status == "timeout":
        error = TimeoutError(message)
    elif record.status == "cancelled":
        error = CancelledError(message)
    operation.fail(error, **record.end, error_type=kind, error_message=message)
