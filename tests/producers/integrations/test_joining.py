"""A call's span and the log records with its messages find each other, in any order and never for ever."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from support import eventually
from turnlog.producers.integrations.genai import DETAILS, Happening, Joiner, Span

CALL = {"gen_ai.operation.name": "chat"}


class Told:
    """A joiner, and what came out of it."""

    def __init__(self, wait: float = 1000.0, **options: Any) -> None:
        self.spans: list[tuple[str, list[str]]] = []
        self.left: list[str] = []
        self.seconds = 0.0
        self.joiner = Joiner(self.tell, self.leave, now=lambda: self.seconds, **options)
        self.joiner.wait = wait
        self.joiner.listening = self.joiner.expecting = True

    def tell(self, span: Span, said: Sequence[Happening]) -> None:
        self.spans.append((span.span_id, [event.name for event in said]))

    def leave(self, event: Happening) -> None:
        self.left.append(event.span_id or "")


def span(number: int = 1, attributes: dict[str, Any] | None = None) -> Span:
    return Span("chat", "t", str(number), None, 0, 1, CALL if attributes is None else attributes)


def event(number: int = 1, name: str = DETAILS) -> Happening:
    return Happening(name, 0, {}, None, "t", str(number))


def test_messages_first() -> None:
    told = Told()
    told.joiner.event(event(name="gen_ai.user.message"))
    told.joiner.event(event(name="gen_ai.choice"))
    told.joiner.span(span())
    assert told.spans == [("1", ["gen_ai.user.message", "gen_ai.choice"])]


def test_span_first() -> None:
    told = Told()
    told.joiner.event(event(name="gen_ai.user.message"))
    told.joiner.span(span())
    assert told.spans == []
    told.joiner.event(event(name="gen_ai.choice"))
    assert told.spans == [("1", ["gen_ai.user.message", "gen_ai.choice"])]
    told.joiner.flush()


@pytest.mark.parametrize("attributes", [CALL | {"input.value": "hello"}, {"gen_ai.operation.name": "retrieval"}, {}])
def test_a_span_that_has_its_messages_or_is_no_call_does_not_wait(attributes: dict[str, Any]) -> None:
    told = Told()
    told.joiner.span(span(attributes=attributes))
    assert told.spans == [("1", [])]


def test_nothing_waits_for_records_that_can_not_come() -> None:
    told = Told()
    told.joiner.listening = False
    told.joiner.span(span())
    assert told.spans == [("1", [])]


def test_nothing_waits_for_spans_that_can_not_come() -> None:
    told = Told()
    told.joiner.expecting = False
    told.joiner.event(event())
    assert told.left == ["1"]


def test_waiting_ends() -> None:
    told = Told()
    told.joiner.span(span(1))
    told.seconds = 999
    told.joiner.span(span(2))
    told.joiner.expire()
    assert told.spans == []
    told.seconds = 1500
    told.joiner.expire()
    assert told.spans == [("1", [])]
    told.joiner.flush()
    assert told.spans == [("1", []), ("2", [])]


def test_waiting_ends_by_itself() -> None:
    spans: list[str] = []
    joiner = Joiner(lambda span, said: spans.append(span.span_id), lambda event: None)
    joiner.wait = 0.01
    joiner.listening = True
    joiner.span(span(1))
    joiner.span(span(2))
    assert eventually(lambda: spans == ["1", "2"], interval=0.01)


def test_settling_waits_for_what_another_thread_is_telling() -> None:
    told, begun, go_on = Told(), threading.Event(), threading.Event()

    def tell(span: Span, said: Sequence[Happening]) -> None:
        begun.set()
        go_on.wait()
        told.tell(span, said)

    joiner = Joiner(tell, told.leave)
    joiner.wait = 1000
    joiner.listening = joiner.expecting = True
    joiner.span(span())
    other = threading.Thread(target=joiner.event, args=(event(),))
    other.start()
    begun.wait()
    settled = threading.Thread(target=joiner.settle, args=(1000,))
    settled.start()
    settled.join(0.05)
    waits = settled.is_alive()
    go_on.set()
    settled.join()
    other.join()
    assert waits
    assert told.spans == [("1", [DETAILS])]


def test_settling_gives_messages_a_moment() -> None:
    told = Told()
    told.joiner.span(span())
    late = threading.Timer(0.02, told.joiner.event, (event(),))
    late.start()
    told.joiner.settle(1000)
    late.join()
    assert told.spans == [("1", [DETAILS])]


def test_settling_does_not_wait_longer_than_a_span_does() -> None:
    told = Told(wait=0.01)
    told.joiner.span(span())
    told.joiner.settle(1000)
    assert told.spans == [("1", [])]


def test_messages_that_come_too_late_are_left() -> None:
    told = Told()
    told.joiner.span(span())
    told.joiner.flush()
    told.joiner.event(event())
    assert (told.spans, told.left) == ([("1", [])], ["1"])


def test_what_waits_is_bounded() -> None:
    told = Told(most=3)
    for number in range(5):
        told.joiner.span(span(number))
    assert told.spans == [("0", []), ("1", [])]
    for number in range(10, 15):
        told.joiner.event(event(number))
    assert told.left == ["10", "11"]
    told.joiner.flush(events=True)
    assert told.left == ["10", "11", "12", "13", "14"]
    assert [number for number, _ in told.spans] == ["0", "1", "2", "3", "4"]


def test_the_bytes_that_wait_are_bounded() -> None:
    told = Told(most_bytes=1000)
    for number in range(1, 5):
        told.joiner.event(event(number)._replace(body="x" * 300))
    assert told.left == ["1", "2"]
    told.joiner.span(span(3))
    told.joiner.event(event(5)._replace(body="x" * 300))
    assert told.left == ["1", "2"]


def test_a_waiting_span_goes_on_with_what_there_is_when_there_is_too_much() -> None:
    told = Told(most_bytes=1000)
    told.joiner.span(span(1))
    told.joiner.event(event(1, "gen_ai.user.message")._replace(body="x" * 600))
    told.joiner.event(event(2)._replace(body="x" * 600))
    assert (told.spans, told.left) == ([("1", ["gen_ai.user.message"])], [])


def test_a_call_that_comes_twice_is_told_once() -> None:
    told = Told()
    told.joiner.event(event())
    for _ in range(2):
        told.joiner.span(span())
    assert (told.spans, told.left) == ([("1", [DETAILS])], [])


def test_messages_of_a_span_that_had_them_are_no_lines() -> None:
    told = Told()
    told.joiner.span(span(attributes=CALL | {"input.value": "hello"}))
    told.joiner.event(event())
    assert (told.spans, told.left) == ([("1", [])], [])


def test_records_for_one_span_are_bounded() -> None:
    told = Told()
    for _ in range(1003):
        told.joiner.event(event(name="gen_ai.user.message"))
    assert len(told.left) == 3


def test_many_threads_lose_nothing() -> None:
    told = Told()

    def run(first: int, what: str) -> None:
        for number in range(first, first + 200):
            if what == "spans":
                told.joiner.span(span(number))
            else:
                told.joiner.event(event(number))

    threads = [
        threading.Thread(target=run, args=(each * 200, what)) for each in range(4) for what in ("spans", "events")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.joiner.flush(events=True)
    assert sorted(int(number) for number, _ in told.spans) == list(range(800))
    assert all(said == [DETAILS] for _, said in told.spans)


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_a_forked_child_starts_afresh() -> None:
    told = Told()
    told.joiner.span(span())
    child = os.fork()
    if child == 0:
        told.joiner.flush()
        os._exit(len(told.spans))
    assert os.waitpid(child, 0)[1] == 0
    told.joiner.flush()
    assert told.spans == [("1", [])]
