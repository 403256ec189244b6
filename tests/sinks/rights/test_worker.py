"""The rights worker without servers: what it does when Kafka takes nothing, or gives its requests to another."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from samples import NOW_US
from turnlog.schemas import Datum, KafkaConnection, TransientError
from turnlog.sinks.audit import Act, OffsetsRefusedError
from turnlog.sinks.log import logger
from turnlog.sinks.rights import Carrier, Kind, Outcome, Request, worker
from turnlog.sinks.rights.receipt import REQUEST, receipt
from turnlog.sinks.rights.worker import RightsWorker

ERASURE = Request("e1", "t", Kind.ERASE, ("<USER:k1-00000000000000aa>",))
HOLD = Request("r1", "t", Kind.RESTRICT, ("<USER:k1-00000000000000aa>",))


class Scripted(Carrier):
    """Has erased and held something, and may fail in the middle of a sweep."""

    def __init__(self) -> None:
        self.failing = True

    def now(self) -> int:
        return 0

    def sweep(self, since: int | None) -> Iterator[tuple[Request, dict[str, int]]]:
        if since is None and self.failing:
            yield HOLD, {"calls": 1}
            self.failing = False
            raise TransientError("ClickHouse went away")

    def erased(self) -> dict[tuple[str, str], dict[str, int]]:
        return {("t", "e1"): {"calls": 5, "logs": 1}, ("t", "not answered yet"): {"calls": 9}}

    def erasure(self, tenant: str, request_id: str) -> Request:
        return ERASURE


class Trail:
    """An audit trail that takes nothing for a while."""

    def __init__(self, failing: int) -> None:
        self.failing = failing
        self.tried: list[str] = []
        self.events: list[Datum] = [receipt(ERASURE, Outcome("done", None, {"calls": 3}), NOW_US).datum()]

    def append(self, _: KafkaConnection, act: Act, *__: Any) -> Datum:
        self.tried.append(act.event_id)
        if self.failing:
            self.failing -= 1
            raise TransientError("Kafka is away")
        self.events.append(act.datum())
        return act.datum()


def made(monkeypatch: pytest.MonkeyPatch, trail: Trail, carrier: Carrier) -> RightsWorker:
    monkeypatch.setattr(worker, "append", trail.append)
    monkeypatch.setattr(worker, "read_topic", lambda _: list(trail.events))
    nobody: Any = None
    return RightsWorker(KafkaConnection(), nobody, carrier, log=logger(), sweep_seconds=1)


def test_what_was_swept_up_is_told_once_whatever_fails_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    trail = Trail(failing=2)
    working = made(monkeypatch, trail, Scripted())
    for _ in range(2):
        working._patiently("sweep", working._sweep, threading.Event())
    _, *late = trail.events
    told = {event["attributes"][REQUEST]: event["attributes"] for event in late}
    assert told["e1"] | {"rows.calls": "2", "rows.logs": "1", "erased_in_all": "6"} == told["e1"]
    assert told["r1"]["rows.calls"] == "1", "though the sweep broke off after it"
    assert len(late) == 2
    assert trail.tried.count(trail.tried[0]) == 3, "an act that may have been recorded is tried again as the same"


def test_requests_that_another_worker_has_now_are_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    trail = Trail(failing=0)
    working = made(monkeypatch, trail, Scripted())

    def refused(*_: object) -> Datum:
        raise OffsetsRefusedError("fenced")

    class Group:
        def consumer_group_metadata(self) -> None: ...

    class Message:
        def error(self) -> None: ...

        def timestamp(self) -> tuple[int, int]:
            return 1, 1

        def topic(self) -> str:
            return "chat.privacy"

        def partition(self) -> int:
            return 0

        def offset(self) -> int:
            return 7

        def value(self) -> bytes:
            return b"no request"

    monkeypatch.setattr(worker, "append", refused)
    working._consumer = Group()
    working._assigned = True
    working._answer(Message(), threading.Event())
    assert not working._assigned


def test_a_worker_for_which_nothing_works_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter((0.0, 1.0, 1801.0))
    working = made(monkeypatch, Trail(failing=0), Scripted())
    working._clock = lambda: next(moments)

    def fail() -> None:
        raise TransientError("nothing works")

    with pytest.raises(TransientError, match="beginning anew"):
        working._patiently("requests", fail, threading.Event())
