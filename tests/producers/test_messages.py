"""Messages come out in OpenTelemetry's shape, their texts letter for letter."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnlog.producers.texts.messages import input_json, output_json, system_json
from turnlog.producers.texts.quoting import quote


def read(text: str | None) -> Any:
    assert text is not None
    return json.loads(text)


@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"])), role=st.sampled_from(["user", "system"]))
def test_a_text_is_recovered_exactly(text: str, role: str) -> None:
    (message,) = read(input_json([{"role": role, "content": text}]))
    assert message == {"role": role, "parts": [{"type": "text", "content": text}]}
    assert read(input_json([{"role": role, "content": text, "name": "x"}]))[0] == {**message, "name": "x"}
    assert read(output_json(text, ["stop"]))[0] == {
        "role": "assistant",
        "parts": [{"type": "text", "content": text}],
        "finish_reason": "stop",
    }


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ("hi", [{"type": "text", "content": "hi"}]),
        ({"role": "user", "content": None}, []),
        (
            {"role": "user", "content": [{"type": "text", "text": "a"}, "b", {"type": "input_text", "text": "c"}]},
            [{"type": "text", "content": "a"}, {"type": "text", "content": "b"}, {"type": "text", "content": "c"}],
        ),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x", "detail": "low"}}]},
            [{"type": "uri", "modality": "image", "uri": "http://x", "detail": "low"}],
        ),
        (
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "QQ==", "format": "mp3"}}]},
            [{"type": "blob", "modality": "audio", "mime_type": "audio/mp3", "content": "QQ=="}],
        ),
        (
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}],
            },
            [{"id": "t1", "type": "tool_call", "name": "f", "arguments": '{"a": 1}'}],
        ),
        (
            {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
            [{"type": "tool_call", "name": "f", "arguments": "{}"}],
        ),
        (
            {"role": "tool", "tool_call_id": "t1", "content": "42"},
            [{"type": "tool_call_response", "id": "t1", "response": "42"}],
        ),
        (
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}},
                ],
            },
            [
                {"type": "reasoning", "content": "hm", "signature": "s"},
                {"type": "tool_call", "id": "t1", "name": "f", "arguments": {"a": 1}},
            ],
        ),
        (
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "42"}]},
            [{"type": "tool_call_response", "id": "t1", "response": "42"}],
        ),
        ({"role": "assistant", "content": "", "refusal": "no"}, [
            {"type": "text", "content": ""}, {"type": "refusal", "content": "no"},
        ]),
        ({"role": "user", "parts": [{"type": "text", "content": "as is"}]}, [{"type": "text", "content": "as is"}]),
        ({"role": "user", "content": 17}, [{"type": "text", "content": "17"}]),
    ],
)  # fmt: skip
def test_the_shapes_that_chatbots_have(message: Any, parts: Any) -> None:
    assert read(input_json([message]))[0]["parts"] == parts


def test_objects_of_an_sdk_are_read_by_their_attributes() -> None:
    function = SimpleNamespace(name="f", arguments="{}")
    message = SimpleNamespace(role="assistant", content="x", tool_calls=[SimpleNamespace(id="t", function=function)])
    assert read(output_json(message)) == [
        {
            "role": "assistant",
            "parts": [
                {"type": "text", "content": "x"},
                {"type": "tool_call", "id": "t", "name": "f", "arguments": "{}"},
            ],
        }
    ]


@pytest.mark.parametrize(
    ("item", "role", "part"),
    [
        (
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "id": "fc"},
            "assistant",
            {"type": "tool_call", "id": "c", "name": "f", "arguments": "{}"},
        ),
        (
            {"type": "function_call_output", "call_id": "c", "output": "17"},
            "tool",
            {"type": "tool_call_response", "id": "c", "response": "17"},
        ),
        (
            {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}]},
            "assistant",
            {"type": "reasoning", "content": "hm"},
        ),
        ({"type": "web_search_call", "id": "w"}, "assistant", {"type": "web_search_call", "id": "w"}),
        ({"type": "input_text", "text": "a"}, "user", {"type": "text", "content": "a"}),
    ],
)
def test_items_without_a_role(item: dict[str, Any], role: str, part: dict[str, Any]) -> None:
    assert read(input_json([item])) == [{"role": role, "parts": [part]}]


def test_each_choice_has_its_own_reason() -> None:
    choices = [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert [each["finish_reason"] for each in read(output_json(choices, ["stop", "length"]))] == ["stop", "length"]


@pytest.mark.parametrize(
    "odd",
    [[{"role": "user", "content": float("nan")}], [object()], 17, [{1: 2}], [{"role": "user", "tool_calls": 3}], [[]]],
)
def test_odd_messages_are_kept_as_json(odd: Any) -> None:
    assert isinstance(read(input_json(odd)), list)


def test_nothing_stays_nothing() -> None:
    assert input_json(None) is None
    assert output_json(None) is None
    assert system_json(None) is None
    assert read(system_json([None])) == [{"type": "text", "content": ""}]
    assert read(system_json("be kind")) == [{"type": "text", "content": "be kind"}]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a" * 200,
        'say "no"\n' * 20,
        "back\\slash" * 20,
        "tab\t" * 40,
        "bell\x07" * 40,
        "\x7f" * 99,
        "ü" * 99,
        "\ud800" * 9,
    ],
)
def test_texts_are_quoted_as_the_standard_library_quotes_them(text: str) -> None:
    assert quote(text) == json.dumps(text, ensure_ascii=False)


@pytest.mark.parametrize("role", ["user", 'a "poet"'])
@pytest.mark.parametrize(
    "texts", [[], [""], ["a"], ["a" * 99, "b"], ['"' * 99, "\n", ""], ["a" * 99, "\x07"], ["ü" * 99]]
)
def test_plain_messages_are_written_as_any_others(role: str, texts: list[str]) -> None:
    plain = [{"role": role, "content": text} for text in texts]
    assert input_json(plain) == input_json(tuple(plain))
