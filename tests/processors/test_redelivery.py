"""A record that a producer sent twice counts once: which are doubles, and that they have no outputs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samples import PRODUCER, bare
from turnlog.processors.batch import Batch, RawRecord
from turnlog.processors.dead_letters import DeadLetters
from turnlog.processors.output import Delivery, Output
from turnlog.processors.redaction import Pseudonyms, Redactor, Scanner, builtin
from turnlog.processors.redelivery import SLACK_MS, Suspect, doubles, suspects
from turnlog.processors.refinery import Refinery
from turnlog.processors.stage import RETRY_SECONDS, RefineStage
from turnlog.schemas import Encoder, SchemaStore, TransientError
from turnlog.schemas.headers import PRODUCER as PRODUCER_HEADER
from turnlog.schemas.headers import REDELIVERY, SOURCE, get, parse_source
from turnlog.schemas.topics import BY_NAME

BROKER_MS = 1_760_000_000_000
NOW_US = BROKER_MS * 1000


def record(offset: int, sequence: int, since: bytes | None = None) -> RawRecord:
    times = {"event_time": NOW_US, "observed_time": NOW_US, "event_id": "01890000-0000-7000-8000-000000000009"}
    value = Encoder("LogRecord").encode(bare("LogRecord", **times, producer_id=PRODUCER, sequence=sequence))
    headers = [(PRODUCER_HEADER, f"{PRODUCER}:{sequence}".encode())]
    if since is not None:
        headers.append((REDELIVERY, since))
    return RawRecord(offset, BROKER_MS, b"key", value, headers)


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (b"1759999000000", 1_759_999_000_000 - SLACK_MS),
        (b"1999999999999", BROKER_MS - SLACK_MS),  # a clock that was ahead
        (b"nonsense", 0),
        (b"", 0),
        (b"9" * 40, 0),
    ],
)
def test_a_marked_record_is_a_suspect_since_its_first_hand_over(since: bytes, expected: int) -> None:
    found = suspects([record(4, 1), record(5, 2, since), RawRecord(6, 0, None, None, [(REDELIVERY, b"1")])])
    assert found == [Suspect(5, f"{PRODUCER}:2".encode(), expected)]


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=40),
)
def test_of_marked_copies_the_first_of_all_counts(log: list[tuple[int, bool]]) -> None:
    origins = [(offset, str(event).encode()) for offset, (event, _) in enumerate(log)]
    marked = [Suspect(offset, str(event).encode(), 0) for offset, (event, mark) in enumerate(log) if mark]
    found = doubles(origins, marked)
    kept = [event for offset, (event, _) in enumerate(log) if offset not in found]
    assert found <= {each.offset for each in marked}
    assert set(kept) == {event for event, _ in log}
    for event in range(6):
        copies = [(offset, mark) for offset, (each, mark) in enumerate(log) if each == event]
        assert found.issuperset(offset for offset, mark in copies[1:] if mark)


class Sink:
    """Takes outputs, as Kafka would."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []

    async def send(self, outputs: Sequence[Output], delivery: Delivery) -> None:
        self.outputs += outputs
        delivery.expect(len(outputs))
        delivery.report(len(outputs), None)


def stage_of(sink: Sink, find: Any, warn: Any = lambda _: None) -> RefineStage:
    refinery = Refinery(
        BY_NAME["raw.logs"],
        "p.",
        SchemaStore(),
        redactor=Redactor(Scanner(builtin()), Pseudonyms(b"k" * 32)),
        dead_letters=DeadLetters("p.dlq", "redact", lambda: 42),
    )

    async def prepare(batch: Batch) -> None:
        """Everything is there."""

    return RefineStage(refinery, sink, prepare, lambda _: True, warn, find_doubles=find)  # type: ignore[arg-type]


def test_doubles_have_no_output_and_the_others_keep_their_order() -> None:
    sink = Sink()
    records = [record(10, 1), record(11, 2, b"7"), record(12, 3, b"7"), record(13, 4)]
    assert asyncio.run(stage_of(sink, lambda _: frozenset({11})).process(Batch("p.raw.logs", 0, records)))
    sources = [parse_source(get(each.headers, SOURCE)) for each in sink.outputs]
    assert [each and each.offset for each in sources] == [10, 12, 13]
    assert not any(get(each.headers, REDELIVERY) for each in sink.outputs)


def test_without_marks_nobody_looks_back() -> None:
    def find(_: Batch) -> frozenset[int]:
        raise AssertionError("looked back")

    sink = Sink()
    assert asyncio.run(stage_of(sink, find).process(Batch("p.raw.logs", 0, [record(1, 1), record(2, 1)])))
    assert len(sink.outputs) == 2


def test_looking_back_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnlog.processors.stage.RETRY_SECONDS", RETRY_SECONDS / 1000)
    answers = iter([TransientError("Kafka is away"), None])
    said: list[str] = []

    def find(_: Batch) -> frozenset[int]:
        for answer in answers:
            if answer is not None:
                raise answer
            break
        return frozenset({2})

    sink = Sink()
    batch = Batch("p.raw.logs", 0, [record(1, 1), record(2, 1, b"7")])
    assert asyncio.run(stage_of(sink, find, said.append).process(batch))
    assert (len(sink.outputs), said) == (1, ["Kafka is away"])
