import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnlog.processors.redaction import WITHHELD, Pseudonyms, Redactor, Scanner, builtin
from turnlog.processors.redaction.redactor import _Run
from turnlog.schemas import Datum

REDACTOR = Redactor(Scanner(builtin()), Pseudonyms(b"k" * 32))
MAIL = "ann@example.com"


def redact(record: str = "ModelCall", **fields: Any) -> Datum:
    return REDACTOR.redact({"tenant_id": "t", **fields}, record)


def test_tokens_are_typed_and_the_same_for_the_same_value() -> None:
    body = redact("LogRecord", body="Ann@Example.com and ann@example.com and bob@example.com")["body"]
    first, second, third = body.split(" and ")
    assert first == second != third
    assert first.startswith("<EMAIL:k1-")


def test_tokens_differ_by_tenant_and_epoch_and_key() -> None:
    others = [
        REDACTOR.redact({"tenant_id": "u", "body": MAIL}, "LogRecord")["body"],
        Redactor(Scanner(builtin()), Pseudonyms(b"j" * 32)).redact({"tenant_id": "t", "body": MAIL}, "LogRecord")[
            "body"
        ],
        Redactor(Scanner(builtin()), Pseudonyms(b"k" * 32, 2)).redact({"tenant_id": "t", "body": MAIL}, "LogRecord")[
            "body"
        ],
    ]
    assert len({redact("LogRecord", body=MAIL)["body"], *others}) == 4


def test_what_the_producer_withheld_stays_listed_and_nothing_else_gets_in_by_that_way() -> None:
    given = ["input_messages[2].parts[0].content", "attributes", "ann@example.com", "ann.smith", "output_messages[x]"]
    assert redact(redaction_withheld=given)["redaction_withheld"] == given[:2]


def test_secrets_get_no_token() -> None:
    assert redact("LogRecord", body="key AKIAC7UWHJ24LBICGP6O")["body"] == "key <SECRET:aws_access_key>"


def test_every_place_that_holds_text_is_scanned() -> None:
    call = redact(
        conversation_id=MAIL,
        attributes={MAIL: "x", "y": MAIL},
        finish_reasons=["stop", MAIL],
        usage={MAIL: 1.0},
        trace_id=MAIL,
    )
    step = redact(
        "Step", name="n", documents=[{"id": MAIL, "source": None, "version": None, "score": 1.0, "text": MAIL}]
    )
    log = redact("LogRecord", security={"event": "e", "source_ip": "203.0.113.9", "risk_score": 1.0})
    assert MAIL not in json.dumps([call, step, log])
    assert "203.0.113.9" not in json.dumps(log)
    assert call["redaction_hits"] == {"EMAIL": 6}
    assert step["redaction_hits"] == {"EMAIL": 2}


def test_ids_that_can_hold_nothing_else_stay() -> None:
    ids = {
        "event_id": "01890000-0000-7000-8000-411111111111",
        "trace_id": "4111111111111111" * 2,
        "span_id": "4111111111111111",
        "cost_currency": "USD",
    }
    assert redact(**ids).items() >= ids.items()


def test_users_are_pseudonyms_always_and_once() -> None:
    once = redact(user_key="u-1")["user_key"]
    assert once.startswith("<USER:k1-")
    assert redact(user_key=once)["user_key"] == once
    assert redact(user_key=" U-1 ")["user_key"] == once
    assert redact(user_key="u-1", conversation_id=MAIL)["user_key"] == once


def test_json_inside_strings_is_redacted_and_stays_json() -> None:
    inner = json.dumps({"mail": 'a\u006en@example.com \\ "', "n": 1.5})
    text = json.dumps([{"role": "user", MAIL: 4111111111111111, "args": inner, "k": None}]).replace("@", "\\u0040")
    value = json.loads(redact(input_messages=text)["input_messages"])
    assert "example.com" not in json.dumps(value)
    assert json.loads(value[0]["args"])["n"] == 1.5
    assert next(key for key in value[0] if key.startswith("<EMAIL:"))
    assert value[0]["role"] == "user"


def test_json_without_hits_stays_as_it_was_written() -> None:
    text = '[ {"role" : "user", "content": "caf\\u00e9 \\n 1.10"} ]'
    assert redact(input_messages=text, conversation_id=MAIL)["input_messages"] == text


def test_a_key_that_stands_twice_hides_nothing() -> None:
    assert MAIL not in redact(input_messages=f'{{"a":"{MAIL}","a":"x"}}')["input_messages"]
    hidden = json.dumps({"a": f'{{"b":"{MAIL}\\n","b":"x"}}'})
    assert MAIL not in redact(input_messages=hidden)["input_messages"]


def test_a_key_says_what_its_value_is() -> None:
    call = redact(
        input_messages=json.dumps({"phone": "415 555 0132", "password": "hunter2!x"}),
        attributes={"phone": "415 555 0132", "price": "415 555 0132"},
    )
    value = json.loads(call["input_messages"])
    assert value["phone"].startswith("<PHONE:")
    assert value["password"] == "<SECRET:assigned_password>"
    assert call["attributes"]["phone"].startswith("<PHONE:")
    assert call["attributes"]["price"] == "415 555 0132"


def test_a_name_beside_what_only_people_have_is_a_persons() -> None:
    people = json.dumps([{"name": "Bob McAllister", "age": 33}, {"name": "Ann\u00e9 McAllister", "email": None}])
    things = json.dumps([{"name": "Blue Widget", "price": 3}, {"price": 3, "name": "Blue Widget"}])
    call = redact(input_messages=people, output_messages=things)
    assert [each["name"][:8] for each in json.loads(call["input_messages"])] == ["<PERSON:"] * 2
    assert call["output_messages"] == things


def test_keys_that_become_the_same_stay_apart() -> None:
    changed = redact(attributes={"ann@example.com": "1", "Ann@Example.com": "2"})["attributes"]
    assert sorted(changed.values()) == ["1", "2"]


def test_what_fails_is_withheld_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    original = _Run._text

    def fail(self: _Run, name: str, text: str) -> str:
        if "boom" in text:
            raise RuntimeError("no")
        return original(self, name, text)

    monkeypatch.setattr(_Run, "_text", fail)
    call = redact(error_message=f"boom {MAIL}", attributes={"k": f"boom {MAIL}"}, agent_name="a")
    assert call["error_message"] == WITHHELD
    assert call["attributes"] == {"k": WITHHELD}
    assert sorted(call["redaction_withheld"]) == ["attributes[0]", "error_message"]
    assert call["content_state"] == "withheld"
    assert call["agent_name"] == "a"


def test_json_nested_too_deep_is_withheld() -> None:
    text = '{"a":' * 100_000 + f'"{MAIL}\\\\"' + "}" * 100_000
    call = redact(input_messages=text)
    assert call["input_messages"] == WITHHELD
    assert call["redaction_withheld"] == ["input_messages"]


def test_claims_of_the_producer_are_replaced() -> None:
    call = redact(redaction_hits={MAIL: 1}, redaction_rules="mine", redaction_withheld=[MAIL])
    assert (call["redaction_hits"], call["redaction_withheld"]) == ({}, [])
    assert call["redaction_rules"] == REDACTOR.version == builtin().version


def test_redacting_twice_changes_nothing() -> None:
    once = redact(error_message=f"{MAIL} +1 415 555 2671 AKIAC7UWHJ24LBICGP6O", attributes={MAIL: "x"}, user_key="u")
    assert {**redact(**once), "redaction_hits": 0} == {**once, "redaction_hits": 0}


def test_a_secret_in_several_parts_of_a_message_is_found() -> None:
    key = "sk-" + "proj-Zq3TtV81kPw" + "0bXmR5nLdY7cFhJ2aGsE"
    parts = [{"type": "text", "text": f"my key is {key[:12]}"}, {"type": "text", "text": key[12:25]}, key[25:] + " ok"]
    call = redact(input_messages=json.dumps([{"role": "user", "content": parts}]))
    content = json.loads(call["input_messages"])[0]["content"]
    assert content == [
        {"type": "text", "text": "my key is <SECRET:openai_key>"},
        {"type": "text", "text": ""},
        " ok",
    ]
    assert call["redaction_hits"] == {"SECRET": 1}
    assert redact(finish_reasons=["ann@exam", "ple.com"])["finish_reasons"][1] == ""


def test_parts_that_hold_nothing_across_their_seams_stay() -> None:
    text = json.dumps({"content": ["one", "two", "call 1"], "n": [1, "a"]})
    assert redact(input_messages=text, conversation_id=MAIL)["input_messages"] == text


def test_what_is_cut_out_at_a_seam_takes_no_word_from_what_stands_behind_it() -> None:
    parts = redact(finish_reasons=["write to ann@example.com", "VIN 7M2GDM8AXKP105752"])["finish_reasons"]
    assert "7M2GDM8AXKP105752" not in "".join(parts)


def test_names_of_fields_are_read_as_words() -> None:
    arguments = json.dumps({"customerPhone": "415 555 0132", "home_phone": "030 901820", "userSSN": "536 22 1234"})
    call = redact(input_messages=json.dumps([{"role": "tool", "arguments": arguments}]))
    value = json.loads(json.loads(call["input_messages"])[0]["arguments"])
    assert [each[:5] for each in value.values()] == ["<PHON", "<PHON", "<GOV_"]


def test_an_answer_that_is_one_number_needs_no_word() -> None:
    call = redact(
        input_messages=json.dumps([{"role": "user", "content": "529.982.247-25"}, {"content": "52998224725"}])
    )
    first, second = json.loads(call["input_messages"])
    assert first["content"] == second["content"]
    assert first["content"].startswith("<GOV_ID:")


def test_logs_are_scanned_in_every_field() -> None:
    log = redact(
        "LogRecord",
        body=f"failed for {MAIL}",
        exception_message=f"no user {MAIL}",
        exception_stacktrace=f'File "a.py", line 3\nKeyError: "{MAIL}"',
        attributes={"user": MAIL, f"k {MAIL}": "v"},
    )
    assert MAIL not in json.dumps(log)


def test_what_takes_too_long_is_withheld() -> None:
    ticks = iter(range(0, 10**6, 3))
    redactor = Redactor(Scanner(builtin(), seconds=2, clock=lambda: float(next(ticks))), Pseudonyms(b"k" * 32))
    log = redactor.redact({"tenant_id": "t", "body": f"mail {MAIL}"}, "LogRecord")
    assert (log["body"], log["redaction_withheld"]) == (WITHHELD, ["body"])


def test_what_is_made_to_cost_time_is_withheld() -> None:
    log = redact("LogRecord", body=f"{MAIL} " + "my name is " * 60_000)
    assert (log["body"], log["redaction_withheld"]) == (WITHHELD, ["body"])


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3) | inner.map(json.dumps),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(
    JSON,
    st.sampled_from([MAIL, "+14155552671", "4111111111111111", "sk-ant-api03-g0VvhM3zIeKQtKqzuOH3"]),
    st.booleans(),
)
def test_no_json_hides_a_hit(value: Any, planted: str, ascii_only: bool) -> None:
    text = json.dumps(
        {"x": [value, f" {planted} "], f" {planted} ": json.dumps([f" {planted} "])}, ensure_ascii=ascii_only
    )
    result = redact(input_messages=text, conversation_id="c")["input_messages"]
    assert planted not in result
    json.loads(result)
