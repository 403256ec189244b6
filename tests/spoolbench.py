"""A Kafka that comes and goes, and processes that are killed, for tests of the spool."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from support import eventually
from turnlog.producers import REPORT_NAME, Client, Clock, Limits, Message, Spool
from turnlog.producers.delivery.transport import Delivered
from turnlog.producers.testing import Recorded
from turnlog.schemas import Datum, Decoder, Schema, SchemaStore
from turnlog.schemas.headers import PRODUCER, REDELIVERY, get, parse_origin


class Broker:
    """What Kafka has, and whether it is there.

    Attributes:
        log: Everything that it took, in order, doubles included.
        answers: Whether it acknowledges the events that it takes; if not, it takes them all the same.
    """

    def __init__(self, *, up: bool = True) -> None:
        self.up = threading.Event()
        if up:
            self.up.set()
        self.answers = True
        self.log: list[Recorded] = []
        self._decoders: dict[bytes, Decoder] = {}

    def take(self, message: Message) -> None:
        if message.topic == "schemas":
            schema = Schema.from_json(message.value)
            self._decoders[schema.fingerprint] = Decoder(schema, SchemaStore())
            return
        decoder = self._decoders[message.value[2:10]]
        self.log.append(Recorded(message, decoder.schema.name, decoder.decode(message.value)))

    def connect(self, trouble: Callable[[str], None]) -> Line:
        del trouble
        return Line(self)

    def once(self) -> list[Recorded]:
        """What is left when doubles are taken out, as the processors do it."""
        seen: set[bytes] = set()
        kept = []
        for each in self.log:
            origin = get(each.message.headers, PRODUCER) or b""
            if origin not in seen or get(each.message.headers, REDELIVERY) is None:
                kept.append(each)
            seen.add(origin)
        return kept

    def events(self) -> list[Datum]:
        """What is left, without reports."""
        return [each.event for each in self.once() if each.event.get("event_name") != REPORT_NAME]

    def marked(self) -> int:
        """How many messages said that Kafka may have them already."""
        return sum(get(each.message.headers, REDELIVERY) is not None for each in self.log)

    def balance(self, producer_id: str) -> dict[str, int]:
        """What a producer's last report says, checked: every number is here once or was counted as dropped."""
        mine = [each for each in self.once() if each.event["producer_id"] == producer_id]
        numbers = [each.event["sequence"] for each in mine]
        assert len(set(numbers)) == len(numbers)
        for each in mine:
            assert parse_origin(get(each.message.headers, PRODUCER)) == (producer_id, each.event["sequence"])
        last = max(mine, key=lambda each: each.event["sequence"]).event
        assert last["event_name"] == REPORT_NAME, "no last word"
        said = {name: int(text) for name, text in last["attributes"].items()}
        sent = said.pop("sent")
        assert sent == len(numbers) + sum(said.values()), (sent, len(numbers), said)
        return {name.removeprefix("dropped."): count for name, count in said.items()}


class Line:
    """A transport to the broker that keeps trying for ever, as librdkafka does without a timeout."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._queue: deque[tuple[Delivered, Message]] = deque()
        self._unanswered: deque[tuple[Delivered, Message]] = deque()

    def send(self, message: Message, delivered: Delivered) -> bool:
        self._queue.append((delivered, message))
        return True

    def poll(self, timeout: float) -> None:
        if self._queue and not self._broker.up.is_set():
            self._broker.up.wait(timeout)
        while self._queue and self._broker.up.is_set():
            delivered, message = self._queue.popleft()
            self._broker.take(message)
            if message.topic == "schemas":
                delivered(None, message)
            else:
                self._unanswered.append((delivered, message))
        while self._unanswered and self._broker.answers:
            delivered, message = self._unanswered.popleft()
            delivered(None, message)

    def flush(self, timeout: float) -> int:
        self.poll(timeout)
        return len(self._queue) + len(self._unanswered)

    def abandon(self) -> None:
        for waiting in (self._unanswered, self._queue):
            while waiting:
                delivered, message = waiting.popleft()
                delivered("purged", message)

    def close(self) -> None:
        self._queue.clear()
        self._unanswered.clear()

    def forget(self) -> None:
        self.close()


def client_of(broker: Broker, spool: Spool, clock: Clock | None = None, **limits: Any) -> Client:
    return Client("bot", connect=broker.connect, spool=spool, clock=clock, limits=Limits(**limits))


def all_spooled(client: Client, count: int) -> None:
    """Wait until so many events are on disk and none in memory only."""
    eventually(lambda: (client.result().spooled, client.result().pending) == (count, 0), 30, 0.01)


def folders(spool: Spool) -> list[Path]:
    return sorted(spool.path.iterdir())


def segments(spool: Spool) -> list[Path]:
    return sorted(spool.path.glob("*/*.segment"))


def killed(spool: Spool, script: str = "", *, events: int = 100) -> str:
    """Run a chatbot without Kafka that logs events, has them spooled, runs a script, and is killed.

    Returns:
        Its producer's id.
    """
    program = f"""
        import os, sys, time
        from turnlog.producers import Client, KafkaConnection, Spool
        client = Client("bot", connection=KafkaConnection("127.0.0.1:1"), spool=Spool(sys.argv[1]))
        for number in range({events}):
            client.info(str(number), conversation_id=str(number % 7))
        deadline = time.monotonic() + 60
        while client.result().spooled != {events}:
            assert time.monotonic() < deadline, client.result()
            time.sleep(0.002)
        print(client.producer_id, flush=True)
    """
    code = textwrap.dedent(program) + textwrap.dedent(script) + "\nos.kill(os.getpid(), 9)\n"
    done = subprocess.run(
        [sys.executable, "-c", code, str(spool.path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == -9, done.stderr
    return done.stdout.split()[0]


def assert_in_order(broker: Broker) -> None:
    """Numbers rise within each conversation of each producer."""
    places: dict[tuple[str, str], list[int]] = {}
    for event in broker.events():
        places.setdefault((event["producer_id"], event["conversation_id"]), []).append(event["sequence"])
    assert all(a < b for each in places.values() for a, b in pairwise(each))
