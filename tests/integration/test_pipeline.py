"""One stack, end to end: what goes in comes out once; what can't be read is a dead letter and stops nobody."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from chats import MODELS, chats, write_chats
from equalities import (
    assert_panes_equal_calls,
    assert_quantiles_within_one_percent,
    assert_stored_once,
    one,
    rows,
)
from services import RunningStack, StackFactory
from support import eventually
from turnlog.schemas import Encoder, Origin, raw_topics, released, uuid7
from turnlog.schemas.headers import PRODUCER

pytestmark = pytest.mark.timeout(300)

PER_MODEL = 50
EVENTS = PER_MODEL * len(MODELS)
NOW_US = 1_760_000_000_000_000


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    factory = StackFactory(tmp_path_factory.mktemp("pipeline"))
    try:
        yield factory()
    finally:
        factory.stop_all()


@pytest.fixture(scope="module")
def replayed(running: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> RunningStack:
    running.turnlog("replay", str(write_chats(tmp_path_factory.mktemp("chats") / "chats.jsonl", PER_MODEL)))
    done = running.turnlog("account", "--wait", "30", check=False)
    assert done.returncode == 0, done.stdout
    return running


def test_every_chat_is_stored_once(replayed: RunningStack) -> None:
    assert_stored_once(replayed, EVENTS, EVENTS)
    by_model = rows(
        replayed, "SELECT request_model, count() AS n FROM calls WHERE service_name = 'replay' GROUP BY ALL"
    )
    assert {row["request_model"]: int(row["n"]) for row in by_model} == {model: PER_MODEL for _, model in MODELS}


def test_texts_come_out_as_they_went_in(replayed: RunningStack) -> None:
    stored = {
        row["conversation_id"]: (row["input_text"], row["output_text"])
        for row in rows(
            replayed, "SELECT conversation_id, input_text, output_text FROM calls WHERE service_name = 'replay'"
        )
    }
    for chat in chats(PER_MODEL):
        question, answer = (message["content"] for message in chat["messages"])
        assert stored[chat["conversation_id"]] == (question, answer)


def test_panes_say_what_the_calls_say(replayed: RunningStack) -> None:
    eventually(lambda: one(replayed, "SELECT sum(calls) AS n FROM panes WHERE service_name = 'replay'")["n"] == EVENTS)
    assert_panes_equal_calls(replayed)
    assert_quantiles_within_one_percent(replayed)


def test_what_is_refined_anew_is_counted_once(replayed: RunningStack) -> None:
    replayed.turnlog("reprocess", "--topic", "raw.calls", "--as", "again", "--since", "1d")
    again = "countIf(endsWith(redaction_rules, '+again')) AS again"
    query = f"SELECT count() AS n, uniqExact(event_id) AS ids, {again} FROM calls WHERE service_name = 'replay'"
    assert one(replayed, query) == {"n": EVENTS, "ids": EVENTS, "again": EVENTS}
    replayed.turnlog("account")


def test_bad_bytes_are_dead_letters_and_delay_nobody(running: RunningStack) -> None:
    chance = random.Random(11)
    producer = Producer({"bootstrap.servers": running.kafka})
    sent = 0
    for topic in raw_topics():
        good = Encoder(topic.record).encode(minimal(topic.record))
        for number in range(100):
            cut = good[: chance.randrange(1, len(good))]
            bad = (chance.randbytes(chance.randint(0, 300)), cut, good + b"x", b"\xc3\x01" + chance.randbytes(80))[
                number % 4
            ]
            producer.produce("chat." + topic.name, bad, partition=number % 4)
            producer.poll(0)
            sent += 1
    event = minimal("ModelCall") | {"service_name": "after-poison"}
    producer.produce("chat.raw.calls", Encoder("ModelCall").encode(event), partition=0)
    assert producer.flush(30) == 0
    eventually(lambda: one(running, "SELECT count() AS n FROM calls WHERE service_name = 'after-poison'")["n"] == 1)
    eventually(lambda: one(running, "SELECT count() AS n FROM dead_letters WHERE stage = 'redact'")["n"] == sent, 60)
    found = rows(
        running,
        "SELECT source_topic, source_partition, source_offset, error_class, error_message FROM dead_letters",
    )
    assert len({(row["source_topic"], row["source_partition"], row["source_offset"]) for row in found}) == sent
    assert all(row["error_class"] and row["error_message"] for row in found)
    assert {row["source_topic"] for row in found} == {"chat." + topic.name for topic in raw_topics()}


def test_a_record_of_an_older_schema_is_read_stored_and_counted(running: RunningStack) -> None:
    old = released()[1]["ModelCall"]
    producer_id = uuid7()
    event = minimal("ModelCall") | {"service_name": "old-schema", "duration_us": 5000, "producer_id": producer_id}
    producer = Producer({"bootstrap.servers": running.kafka})
    producer.produce(
        "chat.raw.calls", Encoder(old).encode(event), headers={PRODUCER: Origin(producer_id, 0).to_bytes()}
    )
    assert producer.flush(30) == 0
    eventually(lambda: one(running, "SELECT count() AS n FROM calls WHERE service_name = 'old-schema'")["n"] == 1)
    eventually(lambda: one(running, "SELECT sum(calls) AS n FROM panes WHERE service_name = 'old-schema'")["n"] == 1)
    account = json.loads(running.turnlog("account", "--json", "--producer", producer_id).stdout)
    assert account["balanced"] is True


def minimal(record: str) -> dict[str, object]:
    """The least that a record of that kind needs."""
    event: dict[str, object] = {
        "event_id": uuid7(),
        "event_time": NOW_US,
        "observed_time": NOW_US,
        "producer_id": uuid7(),
        "sequence": 0,
    }
    timing: dict[str, object] = {"start_time": NOW_US, "duration_us": 1000}
    own: dict[str, dict[str, object]] = {
        "ModelCall": {"provider_name": "openai", "request_model": "gpt-4o", **timing},
        "Step": {"name": "search", **timing},
        "Score": {"name": "helpful"},
        "DeploymentEvent": {"deployment_id": "d", "chatbot": "bot"},
        "ModelVersion": {"model_version_id": "m", "provider_name": "openai", "name": "gpt-4o"},
        "Dataset": {"dataset_id": "d"},
    }
    return event | own.get(record, {})
