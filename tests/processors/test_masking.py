"""The redaction rules at work in the client."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from turnlog.processors.masking import masker
from turnlog.processors.redaction import scan
from turnlog.producers import Client
from turnlog.producers.testing import RecordingTransport
from turnlog.schemas import SettingError

MAIL = "jane.doe@example.com"
SECRET = "sixteen-or-more-characters"


def test_what_is_found_is_replaced_by_its_type() -> None:
    mask = masker()
    assert mask(f"write to {MAIL} please", "input") == "write to <EMAIL> please"
    assert mask("nothing to see", "input") == "nothing to see"
    assert mask("", "input") == ""


def test_tokens_tell_people_apart() -> None:
    mask, other = masker(secret=SECRET), masker(secret=SECRET[::-1])
    one, two = mask(MAIL, "input"), mask("john@example.com", "input")
    assert one != two
    assert one == mask(f"{MAIL}", "log_body") != other(MAIL, "input")
    assert one.startswith("<EMAIL:k0-")
    assert not scan(one)


def test_json_stays_json_and_hides_nothing() -> None:
    given = json.dumps({"to": MAIL, "nested": [{"mail": "jane.doe\u0040example.com", "n": 3}], "ok": True})
    escaped = given.replace("@", "\\u0040")
    for text in (given, escaped):
        assert json.loads(masker()(text, "tool_arguments")) == {
            "to": "<EMAIL>",
            "nested": [{"mail": "<EMAIL>", "n": 3}],
            "ok": True,
        }
    assert masker()('{"a": 1}', "tool_arguments") == '{"a": 1}'
    twice = masker()(f'{{"a":"{MAIL}","a":"x"}}', "tool_arguments")
    assert MAIL not in twice


def test_kinds_may_be_skipped() -> None:
    mask = masker(skip={"identity"})
    assert (mask(MAIL, "identity"), mask(MAIL, "input")) == (MAIL, "<EMAIL>")


def test_several_clients_may_mask_at_once() -> None:
    mask = masker()
    texts = [f"{'x' * 80} user{number}@example.com and {MAIL}" for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        masked = list(pool.map(lambda text: mask(text, "input"), texts))
    assert set(masked) == {f"{'x' * 80} <EMAIL> and <EMAIL>"}


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(SettingError, match="16 characters"):
        masker(secret="short")


def test_a_client_sends_nothing_of_what_is_found() -> None:
    transport = RecordingTransport()
    client = Client("bot", connect=lambda trouble: transport, mask=masker())
    with client.conversation(f"chat of {MAIL}", user_key=MAIL, attributes={MAIL: MAIL}):
        with client.step("tool", "mail", input={"to": MAIL, MAIL: 1}) as step:
            step.finish([MAIL], documents=[{"id": MAIL, "text": MAIL}])
        with client.call(provider="p", model="m", input=MAIL, system=MAIL, tools=[{"name": MAIL}]) as call:
            call.finish({"role": "assistant", "tool_calls": [{"function": {"name": "x", "arguments": f'["{MAIL}"]'}}]})
        client.error(MAIL, exception=ValueError(MAIL), logger=MAIL, template=MAIL)
        client.security("e", MAIL, target=MAIL, source_ip="203.0.113.9")
        client.score("x", MAIL, explanation=MAIL, correction=MAIL)
        client.start_call(provider="p", model="m").fail(MAIL)
    assert client.close(30).sent == 6
    for each in transport.recorded:
        assert MAIL.encode() not in each.message.value
        assert MAIL.encode() not in each.message.key
        assert b"203.0.113.9" not in each.message.value
        assert each.event["content_state"] == "full"
        assert each.event["redaction_withheld"] == []
