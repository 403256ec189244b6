"""Where a client's events go: to Kafka, to standard output, or nowhere. The latter two need no Kafka."""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Callable
from typing import Any, Literal, TextIO

from turnlog.producers.delivery.connecting import kafka
from turnlog.producers.delivery.transport import Connect, Delivered, Message, Transport
from turnlog.producers.limits import Limits
from turnlog.producers.secrecy import without_secrets
from turnlog.schemas import (
    Datum,
    Decoder,
    KafkaConnection,
    Schema,
    SchemaStore,
    SettingError,
    TransientError,
    money_from_bytes,
)

Output = Literal["kafka", "stdout", "off"]
OUTPUTS: tuple[Output, ...] = ("kafka", "stdout", "off")


class Discarding:
    """Takes every message and keeps none: a chatbot logs, and nothing comes of it."""

    def __init__(self) -> None:
        self._due: deque[tuple[Delivered, Message]] = deque()

    def send(self, message: Message, delivered: Delivered) -> bool:
        """Take a message."""
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
        """What waits is the parent's to report."""
        self._due.clear()


class Decoding(Discarding):
    """Decodes every message by the schema that the client has published; what becomes of it is a subclass's to say."""

    def __init__(self) -> None:
        super().__init__()
        self._decoders: dict[bytes, Decoder] = {}

    def send(self, message: Message, delivered: Delivered) -> bool:
        """Take a message, and pass it on decoded."""
        if message.topic == "schemas":
            schema = Schema.from_json(message.value)
            self._decoders[schema.fingerprint] = Decoder(schema, SchemaStore())
            self.learn(schema)
        else:
            decoder = self._decoders[message.value[2:10]]
            self.take(message, decoder.schema.name, decoder.decode(message.value))
        return super().send(message, delivered)

    def learn(self, schema: Schema) -> None:
        """Take a schema that the client has published."""

    def take(self, message: Message, record: str, event: Datum) -> None:
        """Take an event and its record's name."""
        raise NotImplementedError


class Printing(Decoding):
    """Writes every event as a line of JSON: its record's name, and what is set in it.

    Args:
        stream: Where to write; by default what ``sys.stdout`` is at that moment.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__()
        self._stream = stream

    def take(self, message: Message, record: str, event: Datum) -> None:
        """Write an event.

        Raises:
            TransientError: If it can't be written.
        """
        del message
        stream = self._stream or sys.stdout
        line = json.dumps(_line(record, event), ensure_ascii=not _takes_all(stream), default=_amount)
        try:
            stream.write(f"{line}\n")  # one write, so that lines of other threads don't come between
            stream.flush()
        except Exception as error:
            raise TransientError(f"standard output: {type(error).__name__}") from error


def connector(output: object, connection: KafkaConnection | None, limits: Limits, *, give_up: bool = True) -> Connect:
    """Return what makes the transport of an output; Kafka's settings are checked now.

    Args:
        output: Its name.
        connection: Where Kafka is.
        limits: Bounds on memory and time.
        give_up: Whether Kafka's transport gives up what it could not deliver in time.

    Raises:
        SettingError: If there is no such output, or librdkafka refuses a setting.
    """
    if output == "kafka":
        return _kafka(connection or KafkaConnection(), limits, give_up=give_up)
    made: dict[object, type[Discarding]] = {"stdout": Printing, "off": Discarding}
    if not isinstance(output, str) or output not in made:
        raise SettingError(f"output must be one of {', '.join(OUTPUTS)}, not {output!r}")

    def connect(trouble: Callable[[str], None]) -> Transport:
        del trouble
        return made[output]()

    return connect


def _kafka(connection: KafkaConnection, limits: Limits, *, give_up: bool) -> Connect:
    try:
        return kafka(connection, limits, give_up=give_up)
    except SettingError as error:
        # librdkafka quotes values that it refuses.
        raise SettingError(without_secrets(str(error), connection.options)) from None


def _line(record: str, event: Datum) -> Datum:
    return {"record": record, **{name: value for name, value in event.items() if value not in (None, [], {}, "")}}


def _amount(value: Any) -> str:
    """Bytes are amounts of money, wherever a producer writes them."""
    return str(money_from_bytes(value))


def _takes_all(stream: TextIO) -> bool:
    return (getattr(stream, "encoding", None) or "").lower().replace("-", "") == "utf8"
