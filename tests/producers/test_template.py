"""The template writes what the general encoder writes, and takes whatever comes."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnlog.producers.encoding.template import Template
from turnlog.producers.encoding.varint import varint
from turnlog.schemas import Decoder, EncodeError, Encoder, SchemaStore, load

TEXT = st.text(max_size=40)
LONG = st.integers(-(2**63), 2**63 - 1)
PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXT,
    "long": LONG,
    "int": st.integers(-(2**31), 2**31 - 1),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "bytes": st.binary(max_size=9),
}
WRITTEN = ("ModelCall", "Step", "LogRecord", "Score", "DeploymentEvent", "ModelVersion", "Dataset")


def fitting(kind: Any) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one return for each kind of type
    if isinstance(kind, str):
        return PRIMITIVES[kind]
    if isinstance(kind, list):
        return st.none() | fitting(kind[1])
    match kind["type"]:
        case "enum":
            return st.sampled_from(kind["symbols"])
        case "array":
            return st.lists(fitting(kind["items"]), max_size=3)
        case "map":
            return st.dictionaries(TEXT, fitting(kind["values"]), max_size=3)
        case "record":
            return st.fixed_dictionaries({each["name"]: fitting(each["type"]) for each in kind["fields"]})
        case primitive:
            return PRIMITIVES[primitive]


@pytest.mark.parametrize("record", WRITTEN)
@settings(deadline=None)
@given(data=st.data())
def test_the_bytes_are_the_general_encoders(record: str, data: st.DataObject) -> None:
    schema = load(record)
    required = {each["name"]: fitting(each["type"]) for each in schema.plain["fields"] if "default" not in each}
    optional = {each["name"]: fitting(each["type"]) for each in schema.plain["fields"] if "default" in each}
    fields = data.draw(st.fixed_dictionaries(required, optional=optional))
    encoder = Encoder(schema)
    assert Template(schema, encoder.header, {}).encode(fields) == encoder.encode(fields)


@settings(deadline=None)
@given(number=LONG)
def test_integers_are_written_as_avro_writes_them(number: int) -> None:
    rest, expected = (number << 1) ^ (number >> 63), bytearray()
    while rest > 0x7F:
        expected.append(rest & 0x7F | 0x80)
        rest >>= 7
    expected.append(rest)
    assert varint(number).encode("latin-1") == bytes(expected)


def test_an_integer_of_more_than_64_bits_is_refused() -> None:
    with pytest.raises(OverflowError):
        varint(2**63)


def decoded(record: str, **fields: Any) -> dict[str, Any]:
    encoder = Encoder(record)
    given_anyway = {"event_id": "e", "event_time": 1, "observed_time": 1, "producer_id": "p", "sequence": 0}
    message = Template(encoder.schema, encoder.header, {"service_name": "bot"}).encode(given_anyway | fields)
    return Decoder(record, SchemaStore()).decode(message)


@pytest.mark.parametrize(
    ("field", "value", "stored"),
    [
        ("usage_input_tokens", 12.0, 12),
        ("usage_input_tokens", "12", 12),
        ("usage_input_tokens", 11.6, 12),
        ("usage_input_tokens", True, None),
        ("usage_input_tokens", math.nan, None),
        ("usage_input_tokens", 2**70, None),
        ("usage_input_tokens", object(), None),
        ("retries", 2**40, 0),
        ("request_temperature", 1, 1.0),
        ("request_temperature", "0.5", 0.5),
        ("request_temperature", math.inf, None),
        ("request_temperature", False, None),
        ("response_id", 17, "17"),
        ("response_id", b"caf\xc3\xa9", "café"),
        ("response_id", "\ud83d\ude00", "😀"),
        ("response_id", "a\ud800b", "a\ufffdb"),
        ("finish_reasons", "stop", ["stop"]),
        ("finish_reasons", {"stop"}, ["stop"]),
        ("finish_reasons", 3, []),
        ("attributes", {"a": 1, 2: None, "c": [1, "x"], "d": True}, {"a": "1", "c": '[1,"x"]', "d": "true"}),
        ("attributes", "nonsense", {}),
        ("status", "OK", "ok"),
        ("status", "splendid", "UNKNOWN"),
        ("service_name", None, "bot"),
    ],
)
def test_what_does_not_fit_is_coerced_or_left_out(field: str, value: Any, stored: Any) -> None:
    assert decoded("ModelCall", start_time=1, duration_us=1, **{field: value})[field] == stored


def test_a_field_without_default_refuses_what_it_cannot_hold() -> None:
    with pytest.raises(EncodeError, match=r"ModelCall\.duration_us can't hold a str"):
        decoded("ModelCall", start_time=1, duration_us="long")


def test_odd_documents_keep_what_can_be_kept() -> None:
    step = decoded("Step", start_time=1, duration_us=1, documents=[{"id": 3, "score": "high", "other": 1}, {}])
    assert step["documents"] == [
        {"id": "3", "source": None, "version": None, "score": None, "text": None},
        {"id": "unknown", "source": None, "version": None, "score": None, "text": None},
    ]
