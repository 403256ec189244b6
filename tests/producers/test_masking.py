"""The hook sees every text and what it is; what it fails on is withheld, and no more than that."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnlog.producers import Client, Content, Mask, SettingError
from turnlog.producers.testing import RecordingTransport
from turnlog.producers.texts.policy import WITHHELD
from turnlog.schemas import Datum

PATIENCE = 30.0


def logged(mask: Mask, content: Content | None = None, *, chat: str = "chat") -> list[Datum]:
    """Everything a client sends when each kind of event was logged once, with texts that say what they are."""
    transport = RecordingTransport()
    client = Client("bot", tenant="acme", connect=lambda trouble: transport, mask=mask, content=content)
    messages = [
        {"role": "system", "content": "system:1"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "input:1"}, {"type": "image_url", "image_url": "input:2"}],
        },
        {
            "role": "assistant",
            "tool_calls": [{"id": "t1", "function": {"name": "find", "arguments": "tool_arguments:1"}}],
        },
        {"role": "tool", "tool_call_id": "t1", "content": ["tool_result:1", {"tool_result:2": 4111_1111_1111_1111}]},
    ]
    with client.conversation(chat, user_key="identity:1", attributes={"attribute:1": "attribute:2"}):
        call = client.call(provider="other:1", model="other:2", input=messages, system="system:2", tools=["tools:1"])
        call.finish("output:1")
        with client.step("tool", "other:3", input={"q": "tool_arguments:2"}) as step:
            step.finish("tool_result:3")
        with client.step("retrieval", "other:4", input="input:3") as step:
            step.finish(["output:2"], documents=[{"id": "other:5", "text": "document:1"}])
        client.error("log_body:1", exception=ValueError("exception:1"), template="log_body:2", logger="other:6")
        client.security("other:7", "log_body:3", source_ip="identity:2", target="other:8")
        client.score("other:9", "score:1", explanation="score:2", correction="score:3")
        client.start_call(provider="p", model="m").fail("exception:2")
    client.deployment("d", "rollout", actor="identity:3", reason="other:10")
    client.close(PATIENCE)
    return transport.events()


def test_every_text_is_masked_and_its_kind_is_right() -> None:
    seen: Counter[str] = Counter()

    def mask(text: str, kind: str) -> str:
        for said in ("Traceback" in text and kind == "exception" and ["exception"]) or [text.partition(":")[0]]:
            if ":" in text and said in KINDS:
                assert said == kind, text
                seen[text] += 1
        assert text != "4111111111111111" or kind == "tool_result"
        return text.replace(":", "~") if ":" in text else text

    events = logged(mask)
    assert len(events) == 8
    stored = json.dumps(events, default=repr)
    for kind in KINDS:
        assert f"{kind}:" not in stored, kind
        assert f"{kind}~" in stored, kind
    assert {each["content_state"] for each in events} == {"full"}


KINDS = (
    "system",
    "input",
    "output",
    "tool_arguments",
    "tool_result",
    "tools",
    "document",
    "log_body",
    "exception",
    "score",
    "attribute",
    "identity",
    "other",
)


@pytest.mark.parametrize("failure", [ValueError("x"), SystemExit(1), KeyboardInterrupt(), RecursionError()])
def test_what_the_hook_fails_on_is_withheld_and_nothing_else(failure: BaseException) -> None:
    def mask(text: str, kind: str) -> str:
        if text in ("input:1", "tool_arguments:2", "document:1", "log_body:1", "attribute:2", "exception:2"):
            raise failure
        return text

    call, tool, retrieval, line, security, score, failed, deployment = logged(mask)
    parts = json.loads(call["input_messages"])[1]["parts"]
    assert [each.get("content", each.get("uri")) for each in parts] == [WITHHELD, "input:2"]
    assert call["redaction_withheld"] == ["attributes[0]", "input_messages[1].parts[0].content"]
    assert json.loads(tool["input"]) == {"q": WITHHELD}
    assert retrieval["documents"][0]["text"] == WITHHELD
    assert "documents[0].text" in retrieval["redaction_withheld"]
    assert (line["body"], line["template"]) == (WITHHELD, "log_body:2")
    assert failed["error_message"] == WITHHELD
    assert security["attributes"] == {"attribute:1": WITHHELD}
    assert {each["content_state"] for each in (call, tool, retrieval, line, security, score, failed)} == {"withheld"}
    assert (deployment["content_state"], deployment["redaction_withheld"]) == ("full", [])


@pytest.mark.parametrize("nothing", [None, 3, b"bytes", ["text"]])
def test_what_is_no_text_withholds(nothing: Any, caplog: pytest.LogCaptureFixture) -> None:
    events = logged(lambda text, kind: nothing)
    assert [each.getMessage() for each in caplog.records] == [
        "turnlog: texts are withheld, for the mask fails or returns none; the last of a ModelCall"
    ]
    for event in events:
        assert event["content_state"] == "withheld"
        stored = json.dumps(event, default=repr)
        assert not any(f"{kind}:" in stored for kind in KINDS)
        assert "4111111111111111" not in stored
        assert event["trace_id"] is None or len(event["trace_id"]) == 32


def test_what_is_left_out_or_hashed_is_not_masked() -> None:
    texts: list[str] = []

    def mask(text: str, kind: str) -> str:
        texts.append(text)
        return text

    logged(mask, Content(capture="off"))
    assert not {"input:1", "output:1", "document:1", "score:2"} & set(texts)
    assert {"log_body:1", "attribute:2", "identity:1"} <= set(texts)
    texts.clear()
    logged(mask, Content(capture="hashed", logs="hashed"))
    assert not {"input:1", "log_body:1", "exception:2"} & set(texts)


def test_long_texts_are_masked_whole_before_they_are_cut() -> None:
    sizes: list[int] = []
    transport = RecordingTransport()

    def mask(text: str, kind: str) -> str:
        if kind == "log_body":
            sizes.append(len(text))
        return text.replace("secret", "xxxxxx")

    client = Client("bot", connect=lambda trouble: transport, mask=mask, content=Content(max_bytes=2048))
    client.info("a secret " * 5000)
    client.close(PATIENCE)
    assert sizes == [45_000]
    assert "secret" not in transport.events()[0]["body"]


def test_keys_that_become_the_same_are_kept_apart() -> None:
    transport = RecordingTransport()
    client = Client("bot", connect=lambda trouble: transport, mask=lambda text, kind: "x")
    client.info("y", attributes={"a": 1, "b": 2, "c": None})
    client.close(PATIENCE)
    assert transport.events()[0]["attributes"] == {"x": "x", "x#2": "x"}


def test_a_key_that_stands_twice_does_not_carry_a_text_past_the_hook() -> None:
    transport = RecordingTransport()
    client = Client("bot", connect=lambda trouble: transport, mask=lambda text, kind: text.replace("secret", "x"))
    client.step("tool", "t", input='{"a":"secret","a":"b"}').finish()
    client.close(PATIENCE)
    assert transport.events()[0]["input"] == '{"a":"b"}'


def test_a_conversation_is_in_the_sample_and_on_a_partition_by_what_is_stored() -> None:
    transport = RecordingTransport()
    client = Client("bot", connect=lambda trouble: transport, mask=lambda text, kind: f"{kind}!")
    client.info("x", conversation_id="c-1")
    client.close(PATIENCE)
    assert transport.recorded[0].message.key == b"identity!"


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.binary(max_size=9)
    | st.builds(object),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(st.tuples(anything, anything, anything), max_size=3), st.sampled_from(["full", "hashed", "off", "mask"])
)
def test_whatever_is_logged_no_policy_costs_the_event(values: list[tuple[Any, Any, Any]], how: str) -> None:
    transport = RecordingTransport()
    contents = {name: Content(capture=name, logs=name, max_bytes=1024) for name in ("full", "hashed", "off")}
    client = Client(
        "bot",
        connect=lambda trouble: transport,
        content=contents.get(how),
        mask=(lambda text, kind: text[::-1]) if how == "mask" else None,
    )
    for one, two, three in values:
        call = client.start_call(provider=one, model=two, input=three, system=one, tools=two)
        call.finish(three, attributes=one, usage=two, conversation_id=three)
        client.start_step("tool", one, input=two, documents=three).finish(one)
        client.info(one, attributes=two, user_key=three, tenant=one)
        client.score(one, two, explanation=three, data_type="text")
    result = client.close(PATIENCE)
    assert result.sent == 4 * len(values), result


def test_a_client_takes_nothing_else_for_a_mask() -> None:
    with pytest.raises(SettingError, match="mask must be something to call, not str"):
        Client("bot", mask="***")  # type: ignore[arg-type] # on purpose
