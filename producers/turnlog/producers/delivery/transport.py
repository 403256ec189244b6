"""Where encoded events go: Kafka, or a test's list. One contract for both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from turnlog.schemas import PoisonError

Delivered = Callable[[Any, Any], None]
"""Called as (error, message) by :meth:`Transport.poll` and :meth:`Transport.flush`; the error is None on success."""


_REFUSALS = frozenset({10, 17, 29, 32, 42, 43, 44, 87, -188, -190})
"""Kafka's and librdkafka's codes of errors that are about one message or topic and will be the same next time: too
large, invalid topic, not authorised, invalid timestamp, invalid request, format not supported, policy violated, invalid
record; unknown topic and unknown partition (which librdkafka reports after having waited for them to appear)."""


def refused(error: Any) -> bool:
    """Whether a delivery's error says that trying again won't help."""
    if isinstance(error, PoisonError):
        return True
    cause = getattr(error, "__cause__", None)
    if cause is not None and cause.args:
        error = cause.args[0]
    code = getattr(error, "code", None)
    return callable(code) and code() in _REFUSALS


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
