"""Kafka headers as values."""

from __future__ import annotations

import pytest

from turnlog.schemas import Origin, Source
from turnlog.schemas.headers import get, parse_origin, parse_redaction_us, parse_source


def test_headers_survive() -> None:
    source, origin = Source("chat.raw.calls", 3, 12, 1_700_000_000_000), Origin("0190-a", 7)
    assert parse_source(source.to_bytes()) == source
    assert parse_origin(origin.to_bytes()) == origin


@pytest.mark.parametrize("value", [None, b"", b"a", b"a:1:2", b"a:b:1:2", b":1:2:3", b"a:1:-2:3", "a:1:²:3".encode()])
def test_a_malformed_source_is_none(value: bytes | None) -> None:
    assert parse_source(value) is None


@pytest.mark.parametrize("value", [None, b"", b":1", b"a:", b"a:x", b"\xff:-1"])
def test_a_malformed_origin_is_none(value: bytes | None) -> None:
    assert parse_origin(value) is None


@pytest.mark.parametrize(
    ("value", "expected"), [(b"250", 250), ("7", 7), (b"", 0), (None, 0), (b"-1", 0), (b"\xb2", 0), (b"9" * 30, 0)]
)
def test_a_malformed_time_is_none(value: bytes | str | None, expected: int) -> None:
    assert parse_redaction_us(value) == expected


def test_the_last_of_repeated_headers_counts() -> None:
    assert get([("a", b"1"), ("b", None), ("a", "2")], "a") == b"2"
    assert get({"a": b"1"}, "a") == b"1"
    assert get(None, "a") is None
    assert get([("b", None)], "b") is None
