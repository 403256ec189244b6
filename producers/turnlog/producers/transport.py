"""Where encoded events go: Kafka, or a test's list. One contract for both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

Delivered = Callable[[Any, Any], None]
"""Called as (error, message) by :meth:`Transport.poll` and :meth:`Transport.flush`; the error is None on success."""


class Message(NamedTuple):
    """A message as Kafka takes it; the topic is without its prefix."""

    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class Transport(Protocol):
    """Carries messages in order per key. Used by one thread only, made in the thread that uses it.

    Methods raise only on errors that trying again won't help, and then for that message alone.
    """

    def send(self, message: Message, delivered: Delivered) -> bool:
        """Take a message without blocking; False if there is no room until :meth:`poll` has made some.

        Raises:
            TurnlogError: If this message can't be sent at all.
        """

    def poll(self, timeout: float) -> None:
        """Report deliveries; blocks at most that many seconds for the first."""

    def flush(self, timeout: float) -> int:
        """Send what waits, without waiting for batches to fill; return how many are undelivered after the timeout."""

    def abandon(self) -> None:
        """Give up what is undelivered; reports each as failed."""

    def close(self) -> None:
        """Let go of all resources; what is undelivered is gone."""

    def forget(self) -> None:
        """Forget all resources without touching them: they belong to the process that this one was forked from."""


Connect = Callable[[Callable[[str], None]], Transport]
"""Makes a transport; is given a function that takes a sentence about trouble with the connection."""
