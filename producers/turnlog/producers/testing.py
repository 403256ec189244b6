"""For tests of chatbots: a transport that keeps events in memory, decoded, so that a test can look at them.

from turnlog.producers.testing import recording_client

client, recorded = recording_client()
my_chatbot(client).answer("hello")
client.flush()
assert recorded.events("ModelCall")[0]["status"] == "ok"
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from turnlog.producers.client import Client
from turnlog.producers.clock import Clock
from turnlog.producers.ids import Ids
from turnlog.producers.limits import Limits
from turnlog.producers.transport import Delivered, Message
from turnlog.schemas import Datum, Decoder, Schema, SchemaStore
from turnlog.schemas.codec import SINGLE_OBJECT


class Recorded(NamedTuple):
    """A message that a client sent, and the record in it."""

    message: Message
    record: str
    event: Datum


class RecordingTransport:
    """Takes every message, as Kafka would, and decodes it by the schema that the client has published.

    Attributes:
        recorded: Everything sent, in order, the client's own reports included.
        schemas: Names of the records whose schemas were published, in order.
    """

    def __init__(self) -> None:
        self.recorded: list[Recorded] = []
        self.schemas: list[str] = []
        self._published: dict[bytes, Decoder] = {}
        self._due: deque[tuple[Delivered, Message]] = deque()

    def events(self, record: str | None = None) -> list[Datum]:
        """Return what was sent, of one record or of all, without the client's own reports."""
        return [
            each.event
            for each in tuple(self.recorded)
            if record in (None, each.record) and each.event.get("event_name") != "turnlog.producer.report"
        ]

    def send(self, message: Message, delivered: Delivered) -> bool:
        """Take a message."""
        if message.topic == "schemas":
            schema = Schema.from_json(message.value)
            self._published[schema.fingerprint] = Decoder(schema, SchemaStore())
            self.schemas.append(schema.name)
        else:
            assert message.value[:2] == SINGLE_OBJECT, "not in single-object encoding"
            decoder = self._published[message.value[2:10]]
            self.recorded.append(Recorded(message, decoder.schema.name, decoder.decode(message.value)))
        self._due.append((delivered, message))
        return True

    def poll(self, timeout: float) -> None:
        """Report deliveries."""
        del timeout
        while self._due:
            delivered, message = self._due.popleft()
            delivered(None, message)

    def flush(self, timeout: float) -> int:
        """Report deliveries."""
        self.poll(timeout)
        return 0

    def abandon(self) -> None:
        """Nothing is ever undelivered here."""

    def close(self) -> None:
        """There is nothing to let go of."""

    def forget(self) -> None:
        """Start afresh in a forked child."""
        self.__init__()  # type: ignore[misc] # a new life


def recording_client(
    service: str = "chatbot",
    *,
    tenant: str = "default",
    limits: Limits | None = None,
    clock: Clock | None = None,
    ids: Ids | None = None,
) -> tuple[Client, RecordingTransport]:
    """Return a client that records, and what it records."""
    transport = RecordingTransport()

    def connect(trouble: Callable[[str], Any]) -> RecordingTransport:
        del trouble
        return transport

    return Client(service, tenant=tenant, limits=limits, connect=connect, clock=clock, ids=ids), transport
