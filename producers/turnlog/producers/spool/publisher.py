"""Makes schemas known to readers before the first message that needs one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from turnlog.producers.delivery.losses import Losses
from turnlog.producers.delivery.transport import Message, Transport
from turnlog.schemas import TurnlogError

_TICK = 0.01
_TICKS = 4

Definition = Callable[[bytes], bytes | None]
"""Returns the definition of a schema with that fingerprint, if it is at hand."""


class Publisher:
    """Knows which schemas Kafka has.

    Args:
        losses: Tells the operator.

    Attributes:
        quiet: Whether what fails is no news, because everything is being given up.
    """

    def __init__(self, losses: Losses) -> None:
        self.quiet = False
        self._losses = losses
        self._published: set[bytes] = set()
        self._asked: set[bytes] = set()

    def ready(self, fingerprint: bytes, definition: Definition, transport: Transport) -> bool:
        """Whether Kafka has a schema; if not, it is sent, unless it is on its way."""
        if fingerprint in self._published:
            return True
        if fingerprint not in self._asked:
            text = definition(fingerprint)
            if text is None:  # lost with the folder it was in; Kafka may have it from another process
                self._published.add(fingerprint)
                return True
            message = Message("schemas", fingerprint.hex().encode(), text, [])
            try:
                if transport.send(message, lambda error, _: self._settle(fingerprint, error)):
                    self._asked.add(fingerprint)
            except TurnlogError as error:
                self._losses.trouble(f"a schema can't be published: {error}")
        return False

    def soon_ready(self, fingerprint: bytes, definition: Definition, transport: Transport) -> bool:
        """Whether Kafka has a schema, waiting a moment for it."""
        if fingerprint in self._published:
            return True
        for _ in range(_TICKS):
            if self.ready(fingerprint, definition, transport):
                return True
            transport.flush(_TICK)
        return self.ready(fingerprint, definition, transport)

    def forget_asked(self) -> None:
        """The transport that was asked is gone."""
        self._asked.clear()

    def _settle(self, fingerprint: bytes, error: Any) -> None:
        self._asked.discard(fingerprint)
        if error is None:
            self._published.add(fingerprint)
        elif not self.quiet:
            self._losses.trouble(f"a schema can't be published: {error}")
