"""The codec: round trips, old versions, and every kind of bad bytes by its name."""

from __future__ import annotations

import contextlib
import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnlog.schemas import (
    RECORDS,
    DecodeError,
    Decoder,
    EncodeError,
    Encoder,
    PoisonError,
    Schema,
    SchemaStore,
    confluent_header,
    fingerprint_in,
    load,
    money_from_bytes,
    money_to_bytes,
    released,
    units_from_bytes,
    units_to_bytes,
    uuid7,
)
from turnlog.schemas import errors as kinds

ZEROS: dict[str, Any] = {"string": "", "long": 0, "int": 0, "double": 0.0, "boolean": False, "bytes": b""}


def example(schema: Schema, fill: Any = None) -> dict[str, Any]:
    """A datum with every field set, optional ones too."""

    def value(type_: Any) -> Any:  # noqa: PLR0911 - one answer for each kind of type
        if isinstance(type_, list):
            return value(type_[1])
        if isinstance(type_, str):
            return ZEROS[type_]
        match type_["type"]:
            case "enum":
                return type_["symbols"][-1]
            case "map":
                return {"k": value(type_["values"])}
            case "array":
                return [value(type_["items"])]
            case "record":
                return {field["name"]: value(field["type"]) for field in type_["fields"]}
            case plain:
                return ZEROS[plain]

    datum: dict[str, Any] = value(dict(schema.definition))
    return datum | (fill or {})


@pytest.mark.parametrize("record", RECORDS)
def test_what_is_written_is_read(record: str, store: SchemaStore) -> None:
    datum = example(load(record))
    message = Encoder(record).encode(datum)
    assert message[:2] == b"\xc3\x01"
    assert fingerprint_in(message) == load(record).fingerprint.hex()
    assert Decoder(record, store).decode(message) == datum


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("release", sorted(released()))
def test_every_released_version_can_still_be_read(record: str, release: int, store: SchemaStore) -> None:
    old = released()[release][record]
    datum = Decoder(record, store).decode(Encoder(old).encode(example(old)))
    assert set(datum) == set(load(record).fields)


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("release", sorted(released()))
def test_every_released_version_can_read_what_is_written_now(record: str, release: int, store: SchemaStore) -> None:
    old = released()[release][record]
    datum = Decoder(old, store).decode(Encoder(record).encode(example(load(record))))
    assert set(datum) == set(old.fields)


def test_confluent_framing_is_read_through_a_registry() -> None:
    class Registry:
        def schema_of(self, schema_id: int) -> Schema | None:
            return load("Score") if schema_id == 7 else None

        def id_of(self, subject: str, schema: Schema) -> int:
            return 7

    datum = example(load("Score"))
    decoder = Decoder("Score", SchemaStore(Registry()))
    assert decoder.decode(Encoder("Score", confluent_header(7)).encode(datum)) == datum
    with pytest.raises(kinds.UnknownSchemaError, match="schema id 8"):
        decoder.decode(Encoder("Score", confluent_header(8)).encode(datum))


def test_each_kind_of_bad_bytes_has_its_name(store: SchemaStore) -> None:
    good = Encoder("Score").encode(example(load("Score")))
    decoder = Decoder("Score", store, max_bytes=len(good) + 10)
    cases: list[tuple[bytes | None, type[DecodeError]]] = [
        (None, kinds.EmptyPayloadError),
        (b"", kinds.EmptyPayloadError),
        (b"{}", kinds.BadMagicError),
        (b"\xc3\x02" + good[2:], kinds.BadMagicError),
        (b"\xc3\x01\x00", kinds.TruncatedError),
        (b"\x00\x00\x01", kinds.TruncatedError),
        (b"\x00\x00\x00\x00\x01", kinds.UnknownSchemaError),
        (b"\xc3\x01" + bytes(8) + good[10:], kinds.UnknownSchemaError),
        (good[:-1], kinds.TruncatedError),
        (good + b"x", kinds.TrailingBytesError),
        (good + b"x" * 11, kinds.TooLargeError),
        (Encoder("Step").encode(example(load("Step")))[:60], kinds.WrongRecordError),
        (good[:11] + b"\xff" * 20, kinds.InvalidDatumError),
    ]
    for message, kind in cases:
        with pytest.raises(kind):
            decoder.decode(message)


@pytest.mark.parametrize("record", ["ModelCall", "LogRecord", "DeadLetter"])
def test_mutated_bytes_decode_or_are_poison(record: str, store: SchemaStore) -> None:
    good = Encoder(record).encode(example(load(record)))
    decoder, chance = Decoder(record, store), random.Random(5)
    for _ in range(3000):
        bad = bytearray(good)
        for _ in range(chance.randint(1, 6)):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        try:
            decoder.decode(bytes(bad))
        except PoisonError:
            continue


@given(st.binary(max_size=300))
def test_any_bytes_decode_or_are_poison(message: bytes) -> None:
    decoder = Decoder("LogRecord", SchemaStore())
    header = b"\xc3\x01" + load("LogRecord").fingerprint
    for each in (message, header + message):
        with contextlib.suppress(PoisonError):
            decoder.decode(each)


def test_what_does_not_fit_is_refused_without_quoting_it() -> None:
    datum = example(load("Score"))
    for bad in ({"name": "x\ud800 jane@example.com"}, {"unknown_field": "jane@example.com"}, {"value": "jane"}):
        with pytest.raises(EncodeError) as caught:
            Encoder("Score").encode(datum | bad)
        assert "jane" not in str(caught.value)


@given(st.decimals(min_value=-(10**8), max_value=10**8, places=9))
def test_money_survives(amount: Decimal) -> None:
    assert money_from_bytes(money_to_bytes(amount)) == amount


@given(st.integers(min_value=-(10**18) + 1, max_value=10**18 - 1))
def test_units_survive(units: int) -> None:
    assert units_from_bytes(units_to_bytes(units)) == units


def test_too_much_money_is_refused() -> None:
    with pytest.raises(OverflowError, match="18 digits"):
        money_to_bytes(Decimal(10**10))


def test_uuid7_is_ordered_by_time_and_marked() -> None:
    early = uuid7(lambda: 1_000_000_000_000_000_000, lambda n: b"\xff" * n)
    late = uuid7(lambda: 1_000_000_000_001_000_000, lambda n: b"\x00" * n)
    assert early < late
    assert early[14] == "7"
    assert early[19] in "89ab"
