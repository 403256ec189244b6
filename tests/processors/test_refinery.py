import random
from typing import Any

import pytest

from samples import PRODUCER, bare, sample
from turnlog.processors import refinery as module
from turnlog.processors.batch import RawRecord
from turnlog.processors.dead_letters import PAYLOAD_BYTES, DeadLetters
from turnlog.processors.enrichment import Catalogue
from turnlog.processors.output import MAX_MESSAGE_BYTES, Output
from turnlog.processors.redaction import Pseudonyms, Redactor, Scanner, builtin
from turnlog.processors.refinery import Refinery
from turnlog.processors.stage import SLICE_BYTES, SLICE_RECORDS, slices
from turnlog.schemas import Datum, Decoder, Encoder, SchemaStore, TransientError, load, raw_topics, released
from turnlog.schemas.headers import PRODUCER as PRODUCER_HEADER
from turnlog.schemas.headers import REDACTION_US, SOURCE, STAGE, TRACEPARENT, get, parse_redaction_us, parse_source
from turnlog.schemas.topics import BY_NAME, clean_name

STORE = SchemaStore()
REDACTOR = Redactor(Scanner(builtin()), Pseudonyms(b"k" * 32))
LETTERS = DeadLetters("p.dlq", "redact", lambda: 42)
EVENT = "01890000-0000-7000-8000-000000000009"
BROKER_MS = 1_760_000_000_000
NOW_US = BROKER_MS * 1000


def refinery(topic: str, **options: Any) -> Refinery:
    return Refinery(BY_NAME[topic], "p.", STORE, redactor=REDACTOR, dead_letters=LETTERS, **options)


def valid(record: str, **fields: Any) -> Datum:
    times = {"event_time": NOW_US, "observed_time": NOW_US, "event_id": EVENT, "producer_id": PRODUCER}
    return bare(record, **{**times, **fields})


def raw(value: bytes | None, offset: int = 0, headers: tuple[tuple[str, bytes], ...] = ()) -> RawRecord:
    return RawRecord(offset, BROKER_MS, b"key", value, headers)


def clean(output: Output, record: str) -> Datum:
    return Decoder(record, STORE, MAX_MESSAGE_BYTES).decode(output.value)


def letter(output: Output) -> Datum:
    assert output.topic == "p.dlq"
    return clean(output, "DeadLetter")


@pytest.mark.parametrize("topic", [each.name for each in raw_topics()])
def test_every_record_becomes_its_clean_self(topic: str) -> None:
    record = BY_NAME[topic].record
    times = {"event_time": NOW_US, "observed_time": NOW_US, "event_id": EVENT, "traffic_percent": 7.0}
    full = dict(sample(record).items()) | {name: value for name, value in times.items() if name in load(record).fields}
    headers = ((PRODUCER_HEADER, f"{PRODUCER}:7".encode()), ("other", b"ann@example.com"))
    for number, datum in enumerate([full, valid(record)]):
        (output,) = refinery(topic).process([raw(Encoder(record).encode(datum), number, headers)], 3)
        assert (output.topic, output.partition) == ("p." + clean_name(topic), 3)
        assert parse_source(get(output.headers, SOURCE)) == (f"p.{topic}", 3, number, BROKER_MS)
        assert get(output.headers, PRODUCER_HEADER) == f"{PRODUCER}:7".encode()
        assert {name for name, _ in output.headers} == {"source", "content-type", "redaction-us", "producer"}
        result = clean(output, record)
        assert result["ingest_time"] == NOW_US
        assert result["redaction_rules"] == REDACTOR.version
        assert result["event_id"] == EVENT


def test_one_output_for_each_record_in_order_whatever_is_in_it() -> None:
    noise = random.Random(3)
    good = Encoder("LogRecord").encode(valid("LogRecord", body="mail ann@example.com"))
    values: list[bytes | None] = [good]
    for _ in range(2000):
        mutated = bytearray(good)
        for _ in range(noise.randrange(1, 8)):
            mutated[noise.randrange(len(mutated))] = noise.randrange(256)
        values += [bytes(mutated), good[: noise.randrange(len(good))], noise.randbytes(noise.randrange(40)), None]
    records = [raw(value, 5 + 2 * index) for index, value in enumerate(values)]
    outputs = refinery("raw.logs").process(records, 1)
    sources = [parse_source(get(each.headers, SOURCE)) for each in outputs]
    assert [source and source.offset for source in sources] == [each.offset for each in records]
    for output in outputs:
        if output.topic == "p.dlq":
            found = letter(output)
            assert "example" not in found["error_message"]
            assert get(output.headers, STAGE) == b"redact"
        else:
            assert b"ann@example.com" not in output.value


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"event_id": "x"}, "event_id"),
        ({"producer_id": "ann@example.com"}, "producer_id"),
        ({"event_time": -(2**62)}, "event_time"),
        ({"start_time": 2**62}, "start_time"),
        ({"duration_us": -1}, "duration_us"),
        ({"sequence": -1}, "sequence"),
        ({"request_temperature": float("nan")}, "request_temperature"),
        ({"usage": {"image": float("inf")}}, "usage"),
        ({"usage_input_tokens": -5}, "usage_input_tokens"),
        ({"retention_days": 10**6}, "retention_days"),
        ({"cost": b"\x7f" * 9}, "cost"),
    ],
)
def test_impossible_values_are_poison_and_only_their_field_is_named(fields: Datum, named: str) -> None:
    (output,) = refinery("raw.calls").process([raw(Encoder("ModelCall").encode(valid("ModelCall", **fields)))], 0)
    found = letter(output)
    assert found["error_class"] == "InvalidDatumError"
    assert f"ModelCall.{named} " in found["error_message"]
    assert "ann@" not in found["error_message"]


def test_a_clock_that_is_ahead_is_set_right() -> None:
    def event_time(ahead_us: int) -> tuple[int, bool]:
        value = Encoder("Score").encode(valid("Score", event_time=NOW_US + ahead_us))
        result = clean(refinery("raw.scores").process([raw(value)], 0)[0], "Score")
        return result["event_time"] - NOW_US, result["time_clamped"]

    assert event_time(300_000_000) == (300_000_000, False)
    assert event_time(300_000_001) == (0, True)
    assert event_time(-(10**15)) == (-(10**15), False)


def test_what_redaction_took_is_told_beside_the_record() -> None:
    value = Encoder("LogRecord").encode(valid("LogRecord", body="mail ann@example.com"))
    outputs = []
    for took_ns in (2_400_999, 70_000):
        times = iter((1_000, 1_000 + took_ns))
        outputs += refinery("raw.logs", clock_ns=lambda times=times: next(times)).process([raw(value)], 0)
    assert [parse_redaction_us(get(each.headers, REDACTION_US)) for each in outputs] == [2400, 70]
    assert outputs[0].value == outputs[1].value


def test_an_old_schema_is_read() -> None:
    old = released()[1]["ModelCall"]
    value = Encoder(old).encode(sample(old, event_id=EVENT, event_time=NOW_US, observed_time=NOW_US))
    (output,) = refinery("raw.calls", enrich=Catalogue().enrich).process([raw(value)], 0)
    assert output.topic == "p.calls"


def test_unknown_fingerprints_are_told_before() -> None:
    unknown = b"\xc3\x01" + b"12345678" + b"rest"
    records = [raw(unknown), raw(b"\xc3\x01short"), raw(Encoder("Step").encode(valid("Step"))), raw(None)]
    assert refinery("raw.steps").unknown(records) == {b"12345678"}


def test_a_failure_inside_is_a_dead_letter_that_quotes_nothing() -> None:
    def fail(datum: Datum) -> Datum:
        raise KeyError("ann@example.com")

    good = Encoder("ModelCall").encode(valid("ModelCall"))
    header = ((PRODUCER_HEADER, f"{PRODUCER}:9".encode()), (TRACEPARENT, b"bad"))
    (output,) = refinery("raw.calls", enrich=fail).process([raw(good, 4, header)], 2)
    found = letter(output)
    assert (found["error_class"], found["source_offset"], found["source_partition"]) == ("KeyError", 4, 2)
    assert "ann@" not in found["error_message"]
    assert (found["producer_id"], found["sequence"], found["payload"], found["dead_time"]) == (PRODUCER, 9, good, 42)
    assert found["schema_fingerprint"] == load("ModelCall").fingerprint.hex()


def test_what_passes_by_itself_is_not_poison() -> None:
    def fail(datum: Datum) -> Datum:
        raise TransientError("later")

    with pytest.raises(TransientError):
        refinery("raw.calls", enrich=fail).process([raw(Encoder("ModelCall").encode(valid("ModelCall")))], 0)


def test_large_poison_is_cut_to_what_the_topic_takes() -> None:
    (output,) = refinery("raw.logs").process([raw(b"\xff" * (PAYLOAD_BYTES + 5))], 0)
    found = letter(output)
    assert (len(found["payload"]), found["payload_size"]) == (PAYLOAD_BYTES, PAYLOAD_BYTES + 5)
    assert found["error_class"] == "TooLargeError"
    assert len(output.value) < BY_NAME["dlq"].max_bytes


def test_what_grows_too_large_by_redaction_is_a_dead_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    def stage(largest: int) -> str:
        monkeypatch.setattr(module, "MAX_MESSAGE_BYTES", largest)
        (output,) = refinery("raw.logs").process([raw(value)], 0)
        return str(letter(output)["error_class"]) if output.topic == "p.dlq" else output.topic

    attributes = {f"k{number}": "a@b.io " * 1000 for number in range(20)}
    value = Encoder("LogRecord").encode(valid("LogRecord", attributes=attributes))
    assert len(value) < 200_000
    assert stage(300_000) == "TooLargeError"
    assert stage(600_000) == "p.logs"


def test_keys_keep_what_belongs_together_together() -> None:
    def key(topic: str, **fields: Any) -> bytes | None:
        record = BY_NAME[topic].record
        return refinery(topic).process([raw(Encoder(record).encode(valid(record, **fields)))], 0)[0].key

    trace = "0" * 31 + "1"
    assert key("raw.logs", conversation_id="c", trace_id=trace) == b"c"
    assert key("raw.logs", trace_id=trace) == trace.encode()
    assert key("raw.logs") is None
    assert key("raw.models", model_version_id="m") == b"m"
    assert key("raw.datasets", dataset_id="d") == b"d"
    assert key("raw.deployments", chatbot="b") == b"b"
    assert key("raw.logs", conversation_id="ann@example.com") != b"ann@example.com"


def test_slices_are_bounded_and_lose_nothing() -> None:
    small = [raw(b"x", offset) for offset in range(3 * SLICE_RECORDS + 1)]
    large = [raw(b"x" * SLICE_BYTES, offset) for offset in range(3)]
    for records in (small, large, small[:1], []):
        cut = list(slices(records))
        assert [record for part in cut for record in part] == records
        assert all(0 < len(part) <= SLICE_RECORDS for part in cut)
    assert len(list(slices(large))) == 3
