"""Long texts lose their middle: never more bytes than allowed, never half a code point, and JSON stays JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnlog.producers.texts.truncation import LEAST_BYTES, ceiling, cut, cut_json, mark, utf8

TEXT = st.builds(lambda text, times: text * times, st.text(st.characters(), max_size=30), st.integers(1, 300))
MARKS = len(mark(10**9).encode())


@given(TEXT, st.integers(0, 4000))
def test_a_text_is_cut_in_the_middle_to_the_byte_and_to_the_code_point(text: str, limit: int) -> None:
    short, raw = cut(text, limit), utf8(text)
    assert len(short.encode()) <= limit
    if len(raw) <= limit:
        assert short == raw.decode()
    elif limit >= MARKS:
        head, _, rest = short.partition("[… ")
        if "[… " not in text:
            count, _, tail = rest.partition(" bytes left out …]")
            assert raw.startswith(head.encode())
            assert raw.endswith(tail.encode())
            assert len(head.encode()) + int(count) + len(tail.encode()) == len(raw)


def test_both_ends_are_kept_about_alike() -> None:
    short = cut("a" * 5000 + "b" * 5000, 1000)
    assert len(short.encode()) > 950
    assert abs(short.count("a") - short.count("b")) < 20


def test_no_word_is_cut_if_it_can_be_helped() -> None:
    text = " ".join(f"+49-30-{number:07}" for number in range(1000))
    words = set(cut(text, 2000).replace(mark(0)[:2], " ").split())
    assert {each for each in words if each.startswith("+49") and each not in text.split()} == set()
    assert all(len(each) == 14 for each in words if "49-30" in each)


@given(st.lists(st.integers(0, 1000), max_size=30), st.integers(-5, 20_000))
def test_a_ceiling_uses_the_room_and_no_more(sizes: list[int], room: int) -> None:
    bound = ceiling(sizes, room)
    total = sum(min(each, bound) for each in sizes)
    assert total <= max(room, 0)
    if sum(sizes) > room >= 0:
        assert total > room - len(sizes)


LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUE = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def wrap(text: str) -> Any:
    return {"type": "truncated", "content": text}


@given(st.lists(VALUE, max_size=12), st.integers(LEAST_BYTES, 6000))
def test_json_stays_json_and_fits(value: list[Any], limit: int) -> None:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    short = cut_json(text, limit, wrap)
    assert short is not None
    assert len(utf8(short)) <= limit
    assert isinstance(json.loads(short), list)
    if len(utf8(text)) <= limit:
        assert json.loads(utf8(text)) == json.loads(utf8(short))


def test_the_longest_texts_are_cut_first() -> None:
    short = cut_json(json.dumps([{"role": "user", "content": "hello"}, {"content": "x" * 9000}]), 2000, wrap)
    first, second = json.loads(short or "")
    assert first == {"role": "user", "content": "hello"}
    assert 1800 < len(second["content"]) < 2000


def test_of_many_short_items_the_middle_is_left_out() -> None:
    items = [{"role": "user", "content": f"message {number}"} for number in range(5000)]
    found = json.loads(cut_json(json.dumps(items), 3000, wrap) or "")
    assert found[:20] == items[:20]
    assert found[-20:] == items[-20:]
    (said,) = [each["content"] for each in found if each.get("type") == "truncated"]
    assert f"{5000 - len(found) + 1} of 5000 left out" in said


@pytest.mark.parametrize("text", ["no json", '{"a": ', "[" * 100_000])
def test_what_is_no_json_is_not_cut_as_such(text: str) -> None:
    assert cut_json(text, 2000, wrap) is None


def test_one_item_that_is_all_structure_is_kept_as_text() -> None:
    short = cut_json(json.dumps([[1] * 100_000]), 2000, wrap)
    (item,) = json.loads(short or "")
    assert item["content"].startswith("[[1,1,1,")
    assert "bytes left out" in item["content"]
