"""What a client's exporters share: spans and log records meet here, and go to the client."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary, ref

from turnlog.producers.client import Client
from turnlog.producers.integrations import lines
from turnlog.producers.integrations.genai import (
    DETAILS,
    EVALUATION,
    MESSAGES,
    Happening,
    Joiner,
    Span,
    call_of_event,
    line_of,
    records_of,
    score_of,
    write,
)

_logger = logging.getLogger("turnlog")


class Bridge:
    """Carries spans and log records to a client; nothing here blocks or raises.

    Args:
        client: Where to.

    Attributes:
        joiner: Where the spans of calls and the records with their messages meet.
        every_span: Whether spans that have nothing to do with generative AI are steps.
    """

    def __init__(self, client: Client) -> None:
        self._client = ref(client)
        self.every_span = False
        self.joiner = Joiner(self._tell, self._leave)

    def span(self, span: Span) -> None:
        """Take a span that has ended."""
        try:
            self.joiner.span(span)
        except Exception:  # noqa: BLE001 - attributes of a kind that nobody has thought of
            self._failed("a span")

    def record(self, event: Happening, *, sampled: bool = True) -> None:
        """Take a log record.

        Args:
            event: The record.
            sampled: Whether its span is exported too.
        """
        try:
            if event.name in MESSAGES and sampled and event.trace_id is not None and event.span_id is not None:
                self.joiner.event(event)
            elif event.name == DETAILS:
                self._write(call_of_event(event))
            elif event.name == EVALUATION:
                self._write(score_of(event))
            else:
                self._line(event)
        except Exception:  # noqa: BLE001 - same
            self._failed("a log record")

    def _tell(self, span: Span, said: Sequence[Happening]) -> None:
        try:
            for record in records_of(span, said, every=self.every_span):
                self._write(record)
            for event in said:
                if event.name == EVALUATION:
                    self._write(score_of(event))
        except Exception:  # noqa: BLE001 - same
            self._failed("a span")

    def _leave(self, event: Happening) -> None:
        if event.name == DETAILS and not self.joiner.expecting:
            self._write(call_of_event(event))
        else:
            self._line(event)

    def _write(self, record: Any) -> None:
        client = self._client()
        if client is not None:
            write(client, record)

    def _line(self, event: Happening) -> None:
        client = self._client()
        if client is not None:
            lines.write(client, *line_of(event))

    def _failed(self, what: str) -> None:
        """Say in the log itself that something is missing from it."""
        _logger.debug("turnlog: %s of OpenTelemetry can't be read", what, exc_info=True)  # noqa: LOG014 - by handlers
        client = self._client()
        if client is not None:
            client.error(
                f"{what} of OpenTelemetry can't be read", logger="opentelemetry", event_name="turnlog.unreadable"
            )


_bridges: WeakKeyDictionary[Client, Bridge] = WeakKeyDictionary()
_default: list[Client] = []
_lock = Lock()


def bridge_of(client: Client) -> Bridge:
    """Return the client's bridge, which all exporters for it share."""
    with _lock:
        bridge = _bridges.get(client)
        if bridge is None:
            bridge = _bridges[client] = Bridge(client)
        return bridge


def default_client() -> Client:
    """Return the client that the environment describes, for exporters that are made without one.

    Raises:
        SettingError: If the environment does not describe one.
    """
    with _lock:
        if not _default:
            _default.append(Client.from_env())
        return _default[0]
