"""What is captured of texts: all, none or digests, by tenant; and what becomes of those that are too long."""

from __future__ import annotations

import hmac
import json
import logging
from hashlib import sha256
from typing import Any

import pytest

from turnlog.processors.redaction import scan
from turnlog.producers import Client, Content, SettingError
from turnlog.producers.testing import RecordingTransport
from turnlog.producers.texts.content import Contents
from turnlog.schemas import Datum

PATIENCE = 30.0
SECRET = "0123456789abcdef-of-a-test"
MESSAGES = [
    {"role": "user", "content": "Where is my parcel?"},
    {"role": "assistant", "tool_calls": [{"id": "t1", "function": {"name": "find", "arguments": '{"mail":"a@b.c"}'}}]},
    {"role": "tool", "tool_call_id": "t1", "content": "on its way"},
]


class Recorded:
    """A client with such contents, and what it sends."""

    def __init__(self, content: Contents | None = None) -> None:
        self.transport = RecordingTransport()
        self.client = Client("bot", tenant="acme", connect=lambda trouble: self.transport, content=content)

    def only(self) -> Datum:
        self.client.close(PATIENCE)
        (event,) = self.transport.events()
        return event


def logged_call(content: Contents | None, **fields: Any) -> Datum:
    recorded = Recorded(content)
    call = recorded.client.call(
        provider="openai", model="gpt-4o", input=MESSAGES, system="Be kind.", tools=[{"name": "find"}], **fields
    )
    call.finish(output="It is on its way.", usage={"input_tokens": 3}, attributes={"parcel": "p-1"})
    return recorded.only()


def test_all_is_captured_by_default() -> None:
    event = logged_call(None)
    assert event["content_state"] == "full"
    assert json.loads(event["input_messages"])[0]["parts"][0]["content"] == "Where is my parcel?"


def test_off_leaves_out_what_was_said_and_keeps_the_rest() -> None:
    event = logged_call(Content(capture="off"))
    for name in ("system_instructions", "input_messages", "output_messages", "tool_definitions"):
        assert event[name] is None
    assert event["content_state"] == "off"
    assert (event["usage_input_tokens"], event["attributes"], event["status"]) == (3, {"parcel": "p-1"}, "ok")


def test_off_keeps_which_documents_were_found() -> None:
    recorded = Recorded(Content(capture="off"))
    with recorded.client.step("retrieval", "faq", input="parcel") as step:
        step.finish("found", documents=[{"id": "d1", "source": "faq", "score": 0.5, "text": "secret"}])
    event = recorded.only()
    assert (event["input"], event["output"], event["content_state"]) == (None, None, "off")
    assert event["documents"] == [{"id": "d1", "source": "faq", "version": None, "score": 0.5, "text": None}]


def test_hashed_keeps_shape_and_digests() -> None:
    def digest(text: str) -> str:
        return f"sha256:{sha256(text.encode()).hexdigest()}"

    event = logged_call(Content(capture="hashed"))
    assert event["content_state"] == "hashed"
    first, second, third = json.loads(event["input_messages"])
    assert first == {"role": "user", "parts": [{"type": "text", "content": digest("Where is my parcel?")}]}
    assert second["parts"] == [
        {"type": "tool_call", "id": "t1", "name": "find", "arguments": digest('{"mail":"a@b.c"}')}
    ]
    assert third["parts"] == [{"type": "tool_call_response", "id": "t1", "response": digest("on its way")}]
    assert json.loads(event["system_instructions"]) == [{"type": "text", "content": digest("Be kind.")}]
    assert json.loads(event["tool_definitions"]) == [digest('{"name":"find"}')]


def test_with_a_secret_digests_cannot_be_guessed() -> None:
    event = logged_call(Content(capture="hashed", secret=SECRET))
    expected = hmac.digest(SECRET.encode(), b"Be kind.", "sha256").hex()
    assert json.loads(event["system_instructions"])[0]["content"] == f"hmac-sha256:{expected}"
    assert SECRET not in repr(Content(secret=SECRET))


def test_steps_documents_and_scores_are_hashed_too() -> None:
    recorded = Recorded(Content(capture="hashed"))
    with recorded.client.step("retrieval", "faq", input={"query": "parcel"}) as step:
        step.finish(documents=[{"id": "d1", "text": "secret"}, {"id": "d2"}])
    recorded.client.score("note", "too slow", data_type="text", explanation="why", correction="better")
    recorded.client.score("mood", "happy")
    recorded.client.close(PATIENCE)
    step_event, note, mood = recorded.transport.events()
    assert step_event["input"].startswith("sha256:")
    assert step_event["documents"][0]["text"].startswith("sha256:")
    assert (step_event["documents"][1]["text"], step_event["documents"][0]["id"]) == (None, "d1")
    assert all(note[name].startswith("sha256:") for name in ("label", "explanation", "correction"))
    assert mood["label"] == "happy"


@pytest.mark.parametrize(
    ("logs", "body", "state"), [("full", "who?", "full"), ("off", "", "off"), ("hashed", "sha256:", "hashed")]
)
def test_what_the_code_says_has_a_switch_of_its_own(logs: Any, body: str, state: str) -> None:
    recorded = Recorded(Content(capture="off", logs=logs))
    recorded.client.error("who?", exception=ValueError("a@b.c"), template="%s?")
    event = recorded.only()
    assert event["body"].startswith(body)
    assert (event["body"] == "") == (logs == "off")
    assert event["content_state"] == state
    assert (event["exception_message"] is None) == (logs == "off")
    assert ("a@b.c" in f"{event['exception_message']}{event['exception_stacktrace']}") == (logs == "full")
    assert (event["template"], event["exception_type"]) == ("%s?", "ValueError")


def test_each_tenant_has_its_own() -> None:
    recorded = Recorded({"acme": Content(capture="off"), "open": Content(), "*": Content(capture="hashed")})
    recorded.client.step("tool", "x", input="text").finish()
    recorded.client.step("tool", "x", input="text", tenant="open").finish()
    recorded.client.step("tool", "x", input="text", tenant="other").finish()
    with recorded.client.conversation("c", tenant="open"):
        recorded.client.step("tool", "x", input="text").finish()
    recorded.client.close(PATIENCE)
    states = [each["content_state"] for each in recorded.transport.events()]
    assert states == ["off", "full", "hashed", "full"]


def test_a_message_of_5_mb_comes_through_truncated() -> None:
    long = "Grüße aus Köln, und noch etwas. " * 160_000
    recorded = Recorded()
    messages = [{"role": "user", "content": "hello"}, {"role": "user", "content": long}]
    recorded.client.call(provider="p", model="m", input=messages, attributes={"channel": "web"}).finish("ok")
    event = recorded.only()
    assert event["content_state"] == "truncated"
    first, second = json.loads(event["input_messages"])
    assert first["parts"] == [{"type": "text", "content": "hello"}]
    text = second["parts"][0]["content"]
    assert text.startswith("Grüße aus Köln")
    assert text.endswith("etwas. ")
    assert "bytes left out …]" in text
    assert 1024 * 1024 - 300 < len(event["input_messages"].encode()) <= 1024 * 1024
    whole = json.dumps(
        [{"role": each["role"], "parts": [{"type": "text", "content": each["content"]}]} for each in messages],
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()
    assert event["attributes"] == {
        "channel": "web",
        "content.input_messages.bytes": str(len(whole)),
        "content.input_messages.sha256": sha256(whole).hexdigest(),
    }


def test_what_a_cut_leaves_is_nothing_that_redaction_takes_for_personal() -> None:
    recorded = Recorded(Content(max_bytes=2000))
    recorded.client.info("word " * 10_000)
    event = recorded.only()
    for name, value in event["attributes"].items():
        assert not scan(f"{name}: {value}")
    assert not scan(event["body"])


def test_the_whole_text_goes_where_it_is_told_to() -> None:
    kept: dict[str, bytes] = {}

    def store(digest: str, data: bytes) -> str:
        kept[digest] = data
        return f"s3://texts/{digest[:8]}"

    recorded = Recorded(Content(max_bytes=2000, store=store))
    body = "all of it " * 1000
    recorded.client.info(body)
    event = recorded.only()
    digest = sha256(body.encode()).hexdigest()
    assert kept == {digest: body.encode()}
    assert event["content_state"] == "referenced"
    assert event["attributes"]["content.body.reference"] == f"s3://texts/{digest[:8]}"
    assert event["attributes"]["content.body.sha256"] == digest
    assert len(event["body"].encode()) <= 2000


@pytest.mark.parametrize("failure", [OSError("full"), SystemExit(1)])
def test_a_store_that_fails_costs_the_middle_and_one_warning(
    failure: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def store(digest: str, data: bytes) -> str:
        raise failure

    recorded = Recorded(Content(max_bytes=2000, store=store))
    with caplog.at_level(logging.WARNING, "turnlog"):
        for _ in range(3):
            recorded.client.info("all of it " * 1000)
        recorded.client.close(PATIENCE)
    assert [each["content_state"] for each in recorded.transport.events()] == ["truncated"] * 3
    assert [each.getMessage() for each in caplog.records] == [
        f"turnlog: a long text was cut, for its store failed with {type(failure).__name__}"
    ]


def test_every_field_is_bounded() -> None:
    long = "x " * 100_000
    recorded = Recorded(Content(max_bytes=4096))
    with recorded.client.step("tool", long, input={"a": [long, "b"]}) as step:
        step.set(one=long, two=long, three="short", **{long: "long name"})
        step.finish(long, documents=[{"id": "d1", "text": long}, {"id": "d2", "text": long}, {"id": long}])
    recorded.client.security("e", long, target=long)
    recorded.client.model_version("mv", provider="p", name=long, match_names=[long, "short"])
    recorded.client.score(long, long, correction=long)
    recorded.client.info(object(), conversation_id=long, user_key=17)  # type: ignore[arg-type] # whatever comes
    assert recorded.client.close(PATIENCE).sent == 5
    for each in recorded.transport.recorded:
        assert len(each.message.value) < 40_000
    event = recorded.transport.events("Step")[0]
    given = json.loads(event["input"])
    assert given["a"][1] == "b"
    assert "bytes left out" in given["a"][0]
    assert event["attributes"]["three"] == "short"
    assert [each["id"][:2] for each in event["documents"]] == ["d1", "d2", "x "]
    assert recorded.transport.events("ModelVersion")[0]["match_names"][1] == "short"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"capture": "some"}, "content capture must be one of full, off, hashed, not 'some'"),
        ({"logs": None}, "content logs must be"),
        ({"max_bytes": 10}, "content max_bytes must be from 1024"),
        ({"max_bytes": "1"}, "content max_bytes must be a whole number"),
        ({"secret": "short"}, "content secret must be a text of 16"),
        ({"store": 3}, "content store must be something to call"),
    ],
)
def test_wrong_contents_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        Content(**wrong)


@pytest.mark.parametrize("wrong", [{"acme": "off"}, 3, {1: Content()}])
def test_a_client_takes_nothing_else_for_contents(wrong: Any) -> None:
    with pytest.raises(SettingError, match="content must be a Content"):
        Client("bot", content=wrong)
