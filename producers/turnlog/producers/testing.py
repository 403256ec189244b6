"""For tests of chatbots: a client that keeps its events in memory, decoded, so that a test can look at them.

    from turnlog.producers.testing import Recorder

    with Recorder() as recorder:
        my_chatbot(recorder.client).answer("hello")
        assert recorder.call["status"] == "ok"
        assert recorder.call.output_text == "Good morning."

Events are decoded by the very schemas that the client would have published, so what can't be stored fails the test.
Leaving the block fails when a call or step was never ended, or an event was dropped. With pytest, say
``pytest_plugins = ["turnlog.producers.pytest_plugin"]`` in conftest.py and ask for ``turnlog_recorder``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, NamedTuple, Self, Unpack
from weakref import WeakSet

from turnlog.producers.client import Client
from turnlog.producers.clock import Clock
from turnlog.producers.delivery.losses import REPORT_NAME
from turnlog.producers.delivery.outputs import Decoding
from turnlog.producers.delivery.transport import Message
from turnlog.producers.fields import CallFields, StepFields, StepKind
from turnlog.producers.ids import Ids
from turnlog.producers.limits import Limits
from turnlog.producers.operations.call import Call
from turnlog.producers.operations.operation import DROPPED, Operation
from turnlog.producers.operations.step import Step
from turnlog.schemas import Datum, Schema
from turnlog.schemas.codec import SINGLE_OBJECT


class Recorded(NamedTuple):
    """A message that a client sent, and the record in it."""

    message: Message
    record: str
    event: Datum


class RecordingTransport(Decoding):
    """Takes every message, as Kafka would, and decodes it by the schema that the client has published.

    Attributes:
        recorded: Everything sent, in order, the client's own reports included.
        schemas: Names of the records whose schemas were published, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.recorded: list[Recorded] = []
        self.schemas: list[str] = []

    def events(self, record: str | None = None) -> list[Datum]:
        """Return what was sent, of one record or of all, without the client's own reports."""
        return [
            each.event
            for each in tuple(self.recorded)
            if record in (None, each.record) and each.event.get("event_name") != REPORT_NAME
        ]

    def learn(self, schema: Schema) -> None:
        """Note a schema."""
        self.schemas.append(schema.name)

    def take(self, message: Message, record: str, event: Datum) -> None:
        """Note an event."""
        assert message.value[:2] == SINGLE_OBJECT, "not in single-object encoding"
        self.recorded.append(Recorded(message, record, event))

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


class RecordedEvent(dict[str, Any]):
    """An event as it would be stored: its fields by the schema's names.

    Attributes:
        record: Which record it is: ModelCall, Step, LogRecord, Score …
    """

    def __init__(self, record: str, fields: Datum) -> None:
        super().__init__(fields)
        self.record = record

    @property
    def input_text(self) -> str:
        """What a call was asked, or a step was given: the texts of its messages, one to a line."""
        return _texts(self.get("input_messages", self.get("input")))

    @property
    def output_text(self) -> str:
        """What a call answered, or a step returned: the texts of its messages, one to a line."""
        return _texts(self.get("output_messages", self.get("output")))


class _WatchedClient(Client):
    """Remembers what was started, as long as the chatbot does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.started: WeakSet[Operation] = WeakSet()

    def call(self, *, provider: str, model: str, input: Any = None, **fields: Unpack[CallFields]) -> Call:  # noqa: A002 - the word for it
        call = super().call(provider=provider, model=model, input=input, **fields)
        self.started.add(call)
        return call

    def step(self, kind: StepKind, name: str, **fields: Unpack[StepFields]) -> Step:
        step = super().step(kind, name, **fields)
        self.started.add(step)
        return step

    start_call = call
    start_step = step


class Recorder:
    """A client that records, and what it has recorded, up to date whenever it is looked at.

    For synchronous and asynchronous tests; as a ``with`` block it checks and closes at the end.

    Args:
        service: The chatbot's name.
        tenant: Whose data this is.
        arguments: Any other argument of :class:`turnlog.producers.Client`.

    Attributes:
        client: What the chatbot under test gets.
        transport: The messages behind the events.
    """

    def __init__(
        self,
        service: str = "chatbot",
        *,
        tenant: str = "default",
        **arguments: Any,
    ) -> None:
        self.transport = RecordingTransport()
        self._watched = _WatchedClient(service, tenant=tenant, connect=lambda _: self.transport, **arguments)
        self.client: Client = self._watched

    @property
    def events(self) -> list[RecordedEvent]:
        """Everything, in order."""
        self.client.flush()
        return [
            RecordedEvent(each.record, each.event)
            for each in tuple(self.transport.recorded)
            if each.event.get("event_name") != REPORT_NAME
        ]

    @property
    def calls(self) -> list[RecordedEvent]:
        """Model calls, in the order of their ends."""
        return self.of("ModelCall")

    @property
    def steps(self) -> list[RecordedEvent]:
        """Steps, in the order of their ends."""
        return self.of("Step")

    @property
    def logs(self) -> list[RecordedEvent]:
        """Log lines of all four types."""
        return self.of("LogRecord")

    @property
    def scores(self) -> list[RecordedEvent]:
        """Scores."""
        return self.of("Score")

    @property
    def call(self) -> RecordedEvent:
        """The one and only call; AssertionError if there is none or another."""
        calls = self.calls
        assert len(calls) == 1, f"{len(calls)} calls were recorded, not one"
        return calls[0]

    @property
    def last_call(self) -> RecordedEvent:
        """The call that ended last; AssertionError if there is none."""
        calls = self.calls
        assert calls, "no call was recorded"
        return calls[-1]

    def of(self, record: str) -> list[RecordedEvent]:
        """Return the events of one record."""
        return [each for each in self.events if each.record == record]

    def conversation(self, conversation_id: str) -> list[RecordedEvent]:
        """Return the events of one conversation."""
        return [each for each in self.events if each.get("conversation_id") == conversation_id]

    @property
    def unended(self) -> list[Operation]:
        """Calls and steps that were started and are still held, and have not ended."""
        return [each for each in tuple(self._watched.started) if not each.ended]

    def check(self) -> None:
        """Fail with an AssertionError if an event was dropped, or a call or step was never ended."""
        result = self.client.flush()
        assert result.complete, f"events were dropped: {dict(result.reasons)}"
        wrong = [f"{type(each).__name__} {each.event_id}" for each in self.unended]
        wrong += [f"{each.record} {each['event_id']}" for each in self.events if each.get("error_type") == DROPPED]
        assert not wrong, f"started and never ended: {', '.join(wrong)}"

    def clear(self) -> None:
        """Forget what was recorded so far."""
        self.client.flush()
        self.transport.recorded.clear()

    def close(self) -> None:
        """Stop recording."""
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.check()
        finally:
            self.close()


def _texts(content: object) -> str:
    """Return the texts in JSON of messages; of other content, the content."""
    if not isinstance(content, str):
        return ""
    try:
        messages = json.loads(content)
        return "\n".join(_parts(messages))
    except (ValueError, TypeError, KeyError, AttributeError):
        return content


def _parts(messages: Any) -> Iterator[str]:
    for message in messages:
        for part in message["parts"]:
            if part.get("type") == "text":
                yield str(part["content"])
