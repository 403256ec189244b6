"""Who carries messages from the worker to Kafka: one contract, with and without a spool."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from turnlog.producers.delivery.transport import Message
from turnlog.producers.kinds import Priority
from turnlog.schemas import Schema


class Parcel(NamedTuple):
    """A message and what a courier has to know about it.

    Attributes:
        message: The message.
        sequence: Its number among all events of the producer.
        priority: How much it matters.
        schema: What wrote its value.
        report: Whether it is one of the client's own reports, which results leave out.
    """

    message: Message
    sequence: int
    priority: Priority
    schema: Schema
    report: bool = False


class Courier(Protocol):
    """Carries parcels in order per key, and counts what becomes of them. Used by the worker's thread only.

    Nothing raises but on defects.
    """

    @property
    def sent(self) -> int:
        """Events that Kafka has acknowledged."""

    @property
    def spooled(self) -> int:
        """Events that are on disk and that Kafka is not known to have."""

    def start(self) -> bool:
        """Make the transport, waiting as long as that does not work; False if time is over first."""

    @property
    def room(self) -> bool:
        """Whether a parcel can be taken."""

    def send(self, parcel: Parcel) -> None:
        """Take a parcel; may block until there is room, or time is over and the parcel is counted as undelivered."""

    def turn(self) -> bool:
        """Do what is due, without waiting; returns whether there may be more to do at once."""

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""

    def rest(self, seconds: float) -> None:
        """Report deliveries, for at most that long."""

    def flush(self, deadline_ns: int, *, closing: bool) -> None:
        """Return when all is delivered or given up, or the moment on the monotonic clock has come.

        When closing, also when waiting is useless because all is on disk and Kafka away.
        """

    def abandon(self) -> None:
        """Give up what is undelivered, or leave it on disk: no acknowledgement is waited for any more."""

    def stop(self) -> None:
        """Let go of all resources."""

    def forget(self) -> None:
        """Forget all resources, as they belong to the process that this one was forked from."""
