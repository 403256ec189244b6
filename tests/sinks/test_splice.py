from __future__ import annotations

from io import BytesIO

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samples import sample
from turnlog.schemas import Encoder, confluent_header, load, released
from turnlog.sinks.splice import Row, _offset, container, zigzag


def read(data: bytes) -> list[dict[str, object]]:
    return [dict(each) for each in fastavro.reader(BytesIO(data))]  # type: ignore[arg-type]  # records, here


@given(st.integers(-(2**63), 2**63 - 1))
def test_zigzag_is_avros_long(number: int) -> None:
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema("long"), number)
    assert zigzag(number) == out.getvalue()


@given(st.integers(0, 2**62))
def test_offsets_take_a_shorter_way_to_the_same_bytes(number: int) -> None:
    assert _offset(number) == zigzag(number)


@pytest.mark.parametrize("record", ["ModelCall", "Step", "LogRecord", "Dataset", "AuditEvent"])
def test_a_container_holds_the_records_with_their_coordinates_before_them(record: str) -> None:
    message = Encoder(record).encode(sample(record))
    rows = [Row(7, message, 10, 3, 123_456_789, 1_795_000_000_123, 250), Row(8, message, 10, 0, 0, 0)]
    found = read(container(load(record), rows, coordinates=True))
    assert [each["source_partition"] for each in found] == [3, 0]
    assert [each["source_offset"] for each in found] == [123_456_789, 0]
    assert found[0]["source_time"].timestamp() == 1_795_000_000.123  # type: ignore[attr-defined]  # a datetime
    assert [each["redaction_us"] for each in found] == [250, 0]
    assert found[0]["service_name"] == "service_name-ü"
    assert list(found[0])[4:] == list(load(record).fields)


def test_statistics_get_nothing_in_front() -> None:
    message = Encoder("Pane").encode(sample("Pane"))
    found = read(container(load("Pane"), [Row(0, message, 10, 0, 0, 0)], coordinates=False))
    assert list(found[0]) == list(load("Pane").fields)


def test_an_older_writers_records_stay_as_they_were_written() -> None:
    old = released()[1]["ModelCall"]
    message = Encoder(old).encode(sample(old))
    found = read(container(old, [Row(0, message, 10, 0, 5, 0)], coordinates=True))
    assert list(found[0])[4:] == list(old.fields)


def test_confluent_framing_begins_elsewhere() -> None:
    message = Encoder("Score", confluent_header(7)).encode(sample("Score"))
    found = read(container(load("Score"), [Row(0, message, 5, 0, 5, 0)], coordinates=True))
    assert found[0]["name"] == "name-ü"


def test_every_record_is_a_block_of_its_own() -> None:
    message = Encoder("Score").encode(sample("Score"))
    rows = [Row(number, message, 10, 0, number, 0) for number in range(5)]
    data = container(load("Score"), rows, coordinates=True)
    blocks = list(fastavro.block_reader(BytesIO(data)))
    assert [block.num_records for block in blocks] == [1] * 5


def test_no_rows_make_an_empty_container() -> None:
    assert read(container(load("Score"), [], coordinates=True)) == []
