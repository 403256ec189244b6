"""Nothing is lost uncounted: order, numbers, limits, failures, reports, closing."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from threading import Event, Thread
from typing import Any

import pytest

from turnlog.producers import REPORT_NAME, Client, Limits, Message, Result
from turnlog.producers.delivery.transport import Delivered
from turnlog.producers.testing import RecordingTransport, recording_client
from turnlog.schemas import EncodeError, TransientError
from turnlog.schemas.headers import PRODUCER, get, parse_origin

PATIENCE = 30.0


class Kafkaesque(RecordingTransport):
    """Takes, delivers or fails as told.

    Attributes:
        open: Set while there is room for messages.
        answers: Set while deliveries are reported.
        verdict: What deliveries say: None for success.
        refusal: What sending raises, if anything.
        in_hand: Set once a message other than a schema was offered.
    """

    def __init__(self) -> None:
        super().__init__()
        self.open, self.answers, self.in_hand = Event(), Event(), Event()
        self.open.set()
        self.answers.set()
        self.verdict: str | None = None
        self.refusal: Exception | None = None
        self.waiting: deque[tuple[Delivered, Message]] = deque()

    def send(self, message: Message, delivered: Delivered) -> bool:
        if message.topic != "schemas":
            self.in_hand.set()
            if self.refusal:
                raise self.refusal
        if not self.open.is_set():
            return False
        super().send(message, lambda error, _: None)
        self.waiting.append((delivered, message))
        return True

    def poll(self, timeout: float) -> None:
        super().poll(timeout)
        if not self.answers.is_set():
            self.answers.wait(timeout)
        while self.answers.is_set() and self.waiting:
            delivered, message = self.waiting.popleft()
            delivered(None if message.topic == "schemas" else self.verdict, message)

    def flush(self, timeout: float) -> int:
        self.poll(timeout)
        return len(self.waiting)

    def abandon(self) -> None:
        while self.waiting:
            delivered, message = self.waiting.popleft()
            delivered("purged", message)

    def report(self) -> dict[str, str]:
        """The attributes of the last report."""
        reports = [each.event for each in self.recorded if each.event.get("event_name") == REPORT_NAME]
        attributes: dict[str, str] = reports[-1]["attributes"]
        return attributes


def client_of(transport: RecordingTransport, **limits: Any) -> Client:
    return Client("bot", connect=lambda trouble: transport, limits=Limits(**limits))


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_events_keep_their_order_and_numbers_from_many_threads() -> None:
    client, recorded = recording_client()
    threads = [
        Thread(target=lambda n=n: [client.info(str(i), conversation_id=str(n)) for i in range(200)]) for n in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result = client.close(PATIENCE)
    assert result == Result(sent=3200)
    assert result.complete
    assert [each.event["sequence"] for each in recorded.recorded] == list(range(3201))
    bodies: dict[str, list[int]] = {}
    for event in recorded.events():
        bodies.setdefault(event["conversation_id"], []).append(int(event["body"]))
    assert all(a < b for each in bodies.values() for a, b in pairwise(each))
    for each in recorded.recorded:
        origin = parse_origin(get(each.message.headers, PRODUCER))
        assert origin == (client.producer_id, each.event["sequence"])
        assert each.event["producer_id"] == client.producer_id


def test_the_last_report_balances() -> None:
    client, recorded = recording_client()
    for _ in range(5):
        client.info("x")
    client.close(PATIENCE)
    report = recorded.recorded[-1].event
    assert report["event_name"] == REPORT_NAME
    assert report["attributes"] == {"sent": "6"}
    assert report["sequence"] == 5
    assert recorded.recorded[-1].message.topic == "raw.logs"


def test_a_client_that_logged_nothing_says_nothing() -> None:
    client, recorded = recording_client()
    assert client.flush() == client.close() == Result()
    assert recorded.recorded == []


def test_a_schema_is_taken_before_its_first_use() -> None:
    transport = Kafkaesque()
    transport.answers.clear()
    client = client_of(transport)
    client.info("x")
    until(lambda: transport.schemas)
    assert not transport.in_hand.is_set()
    transport.answers.set()
    client.info("y")
    client.start_call(provider="p", model="m").finish()
    assert client.close(PATIENCE).sent == 3
    assert transport.schemas == ["LogRecord", "ModelCall"]


def test_a_full_queue_refuses_debug_first_and_security_last() -> None:
    transport = Kafkaesque()
    transport.open.clear()
    client = client_of(transport, queue_events=8)
    client.info("in hand")
    until(lambda: client.result().pending == 1 and not len(client._pipe._intake))
    for _ in range(20):
        client.debug("d")
    for _ in range(20):
        client.info("i")
    for _ in range(20):
        client.security("s")
    result = client.result()
    assert (result.pending, result.dropped) == (1 + 6 + 2 + 2, 50)
    transport.open.set()
    assert client.close(PATIENCE) == Result(sent=11, dropped=50, reasons={"queue_full": 50})
    assert [each["log_type"] for each in transport.events()] == ["info"] + ["debug"] * 6 + ["info"] * 2 + [
        "security"
    ] * 2
    assert transport.report()["dropped.queue_full"] == "50"
    assert int(transport.report()["sent"]) == 61 + sum(
        each.event["event_name"] == REPORT_NAME for each in transport.recorded
    )


def test_the_queue_is_bounded_in_bytes_too() -> None:
    transport = Kafkaesque()
    transport.open.clear()
    client = client_of(transport, queue_bytes=1024 * 1024)
    for _ in range(30):
        client.info("x" * 100_000)
    assert client.result().dropped >= 19
    transport.open.set()
    assert client.close(PATIENCE).sent <= 11


def test_what_is_too_large_or_invalid_is_counted() -> None:
    transport = Kafkaesque()
    client = client_of(transport, record_bytes=10_000)
    client.info("x" * 20_000)
    client.model_version("mv", provider="p", name="n", prices={"input_token": "cheap"})
    client.info("fits")
    result = client.close(PATIENCE)
    assert result == Result(sent=1, dropped=2, reasons={"invalid": 1, "too_large": 1})
    report = transport.report()
    assert (report["dropped.invalid"], report["dropped.too_large"]) == ("1", "1")


@pytest.mark.parametrize("how", ["verdict", "refusal", "poison"])
def test_what_kafka_does_not_take_is_undelivered(how: str) -> None:
    transport = Kafkaesque()
    client = client_of(transport)
    client.info("fine")
    assert client.flush(PATIENCE).sent == 1
    if how == "verdict":
        transport.verdict = "timed out"
    else:
        transport.refusal = TransientError("no") if how == "refusal" else EncodeError("no")
    client.info("lost")
    assert client.flush(PATIENCE) == Result(sent=1, failed=1, reasons={"undelivered": 1})
    transport.verdict = transport.refusal = None
    client.close(PATIENCE)
    assert transport.report()["dropped.undelivered"] == "1"


def test_close_gives_up_in_time_and_says_so() -> None:
    transport = Kafkaesque()
    client = client_of(transport)
    client.info("fine")
    client.flush(PATIENCE)
    transport.answers.clear()
    for _ in range(3):
        client.info("never answered")
    result = client.close(0.5)
    assert (result.sent, result.failed, result.pending) == (1, 3, 0)
    assert transport.report()["dropped.undelivered"] == "3"


def test_close_without_kafka_gives_up_what_is_queued() -> None:
    transport = Kafkaesque()
    transport.open.clear()
    client = client_of(transport)
    for _ in range(3):
        client.info("x")
    assert client.flush(0.05).pending == 3
    assert client.close(0.5) == Result(failed=3, reasons={"undelivered": 3})


def test_after_close_events_are_dropped_and_have_no_number() -> None:
    client, recorded = recording_client()
    client.info("x")
    client.close(PATIENCE)
    client.info("late")
    assert client.close() == client.result() == Result(sent=1, dropped=1, reasons={"closed": 1})
    assert recorded.recorded[-1].event["attributes"] == {"sent": "2"}


def test_losses_are_told_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    transport = Kafkaesque()
    client = client_of(transport, record_bytes=5000)
    with caplog.at_level(logging.WARNING, "turnlog"):
        for _ in range(50):
            client.info("x" * 9000)
            client.flush(PATIENCE)
        assert len(caplog.records) == 1
        client.close(PATIENCE)
    assert "50 events dropped so far (too_large 50)" in caplog.records[-1].getMessage()
    assert len(caplog.records) == 2


def test_a_defect_in_the_worker_is_survived(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Kafkaesque):
        def poll(self, timeout: float) -> None:
            if not caplog.records:
                raise ZeroDivisionError
            super().poll(timeout)

    transport = Broken()
    client = client_of(transport)
    with caplog.at_level(logging.WARNING, "turnlog"):
        client._pipe._wake()
        until(lambda: caplog.records)
        client.info("still here")
        assert client.close(PATIENCE).sent == 1
    assert "ZeroDivisionError" in caplog.text


def test_connecting_is_tried_again() -> None:
    transport, attempts = Kafkaesque(), iter([TransientError("not yet")])

    def connect(trouble: Callable[[str], None]) -> Kafkaesque:
        for error in attempts:
            raise error
        return transport

    client = Client("bot", connect=connect)
    client.info("x")
    assert client.close(PATIENCE).sent == 1
