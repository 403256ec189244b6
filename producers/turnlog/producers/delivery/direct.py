"""The courier without a spool: what Kafka does not take in time is lost, and counted."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event as Flag
from typing import Any

from turnlog.producers.delivery.courier import Parcel
from turnlog.producers.delivery.losses import UNDELIVERED, Losses
from turnlog.producers.delivery.term import Term
from turnlog.producers.delivery.transport import Connect, Message, Transport
from turnlog.producers.encoding.packing import schema_message
from turnlog.schemas import Schema, TurnlogError

_TICK = 0.01
_NAP = 1.0


class DirectCourier:
    """Hands parcels to the transport, waiting for room.

    Args:
        connect: Makes the transport.
        losses: Counts what is not delivered.
        term: When time is over.
        woken: Set when somebody wants to be heard.
    """

    def __init__(self, connect: Connect, losses: Losses, term: Term, woken: Flag) -> None:
        self.sent = 0
        self.spooled = 0
        self._connect = connect
        self._losses = losses
        self._term = term
        self._woken = woken
        self._published: set[bytes] = set()
        self._transport: Transport | None = None

    def start(self) -> bool:
        """Connect."""
        self._transport = connected(self._connect, self._losses, self._term, self._woken)
        return self._transport is not None

    @property
    def room(self) -> bool:
        """Always: :meth:`send` waits."""
        return True

    @property
    def idle(self) -> bool:
        """Always, as far as the worker is concerned: deliveries are waited for by nobody."""
        return True

    def send(self, parcel: Parcel) -> None:
        """Publish the parcel's schema if need be, and hand the message over."""
        message, _, _, schema, report = parcel
        delivered = _unwatched if report else self._delivered
        known = schema.fingerprint in self._published or self._publish(schema)
        if not (known and self._hand_over(message, delivered)) and not report:
            self._losses.add(UNDELIVERED, "closed before Kafka took it")

    def turn(self) -> bool:
        """Report deliveries."""
        self._now.poll(0)
        return False

    def rest(self, seconds: float) -> None:
        """Report deliveries."""
        self._now.poll(seconds)

    def flush(self, deadline_ns: int, *, closing: bool) -> None:
        """Wait for deliveries."""
        del closing
        while self._now.flush(_TICK * 5):
            if self._term.over() or self._term.after(deadline_ns):
                return

    def abandon(self) -> None:
        """Give up what is undelivered."""
        self._now.abandon()

    def stop(self) -> None:
        """Disconnect."""
        self._now.close()

    def forget(self) -> None:
        """Forget the connection."""
        if self._transport is not None:
            self._transport.forget()

    @property
    def _now(self) -> Transport:
        assert self._transport is not None, "not started"
        return self._transport

    def _publish(self, schema: Schema) -> bool:
        """Make a schema known before its first use: wait until Kafka has it; False if time is over first."""
        while not self._term.over():
            error = self._published_now(schema)
            if error is None:
                self._published.add(schema.fingerprint)
                return True
            self._losses.trouble(f"the schema of {schema.name} can't be published: {error}")
        return False

    def _published_now(self, schema: Schema) -> Any:
        outcome: list[Any] = []
        if not self._hand_over(schema_message(schema), lambda error, _: outcome.append(error)):
            return "time is over"
        while not outcome:
            if self._term.over():
                return "time is over"
            self._now.flush(_TICK)
        if outcome[0] is not None:
            self._woken.wait(_TICK * 10)
        return outcome[0]

    def _hand_over(self, message: Message, delivered: Callable[[Any, Any], None]) -> bool:
        """Give the transport a message, waiting for room; False if time is over before there is any."""
        if self._term.over():
            return False
        transport = self._now
        try:
            while not transport.send(message, delivered):
                if self._term.over():
                    return False
                transport.poll(_TICK)
        except TurnlogError as error:
            delivered(error, None)
        return True

    def _delivered(self, error: Any, _: Any) -> None:
        if error is None:
            self.sent += 1
        else:
            self._losses.add(UNDELIVERED, str(error))


def connected(connect: Connect, losses: Losses, term: Term, woken: Flag) -> Transport | None:
    """Return a transport as soon as one can be made; None if time is over first."""
    while not term.over():
        try:
            return connect(losses.trouble)
        except TurnlogError as error:
            losses.trouble(str(error))
            woken.wait(_NAP)
    return None


def _unwatched(error: Any, message: Any) -> None:
    """A report's own fate: a later one says the same and more, and after the last there is nobody to tell."""
