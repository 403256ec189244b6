"""From a person to pseudonyms, and requests with what became of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from samples import bare
from turnlog.processors.keys import KeyRing, new_key
from turnlog.processors.redaction import Pseudonyms, Redactor, Scanner, builtin
from turnlog.schemas import UserError
from turnlog.stack.rights import Asked, Lookup, lookup_of, subject_of
from turnlog.stack.servers import Servers

KEY = b"0123456789abcdef0123456789abcdef"


def test_a_person_is_known_by_what_the_processors_would_call_them_under_every_key() -> None:
    redactor = Redactor(Scanner(builtin()), Pseudonyms(KEY, 2))
    record = bare("LogRecord", user_key=" Jane@Example.com ", body="write to jane@example.com", tenant_id="t")
    stored = redactor.redact(record, "LogRecord")
    found = subject_of(["Jane@example.com "], [], "t", Lookup(KeyRing.of_master(KEY, 2))).tokens
    assert found[0] == stored["user_key"]
    assert any(token in stored["body"] for token in found)
    assert Pseudonyms(KEY, 1).token("USER", "jane@example.com", "t", 16) in found
    assert set(found).isdisjoint(
        subject_of(["Jane@example.com"], [], "other", Lookup(KeyRing.of_master(KEY, 2))).tokens
    )
    assert all("jane" not in token.lower() for token in found)


def test_rules_of_a_tenants_own_find_its_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (file := tmp_path / "redaction.yaml").write_text(
        "rules: {ticket: {type: TICKET, pattern: 'T-[0-9]{4}', examples: ['[[T-1234]]'], tenants: [acme]}}"
    )
    monkeypatch.setenv("TURNLOG_REDACTION", str(file))
    monkeypatch.setenv("TURNLOG_PSEUDONYM_KEY", KEY.decode())
    token = Pseudonyms(KEY).token("TICKET", "T-1234", "acme")
    assert token in subject_of(["T-1234"], [], "acme", lookup_of(Servers(), "acme")).tokens
    assert len(subject_of(["T-1234"], [], "other", lookup_of(Servers(), "other")).tokens) == 1


def test_whose_keys_are_destroyed_nobody_is_said_to_be_erased_by_name() -> None:
    ring = KeyRing.of_master(KEY).rotated(new_key(2), 5, 10)
    past = ring.without_epoch(1, 20)
    found = subject_of(["jane"], [], "t", Lookup(past))
    assert (found.lost, [each[:9] for each in found.tokens]) == ((1,), ["<USER:k2-"])
    gone = past.without_tenant("t", 20)
    with pytest.raises(UserError, match="keys of t are destroyed"):
        subject_of(["jane"], [], "t", Lookup(gone))
    assert subject_of(["jane"], ["c-1"], "t", Lookup(gone)).lost == (1, 2)
    assert subject_of(["jane"], [], "u", Lookup(gone)).lost == (1,)


def test_pseudonyms_and_chats_need_no_key() -> None:
    token = "<USER:k1-00000000000000aa>"
    found = subject_of([token], ["c-1", "c-1"], "t", None)
    assert (found.tokens, found.conversations) == ((token,), ("c-1",))
    with pytest.raises(UserError, match="TURNLOG_PSEUDONYM_KEY_FILE"):
        subject_of(["jane"], [], "t", None)
    with pytest.raises(UserError, match="key is destroyed"):
        subject_of(["<USER:k1-0000000000000000>"], [], "t", None)
    with pytest.raises(UserError, match="name somebody"):
        subject_of([], [], "t", None)
    for subjects, chats in ((" ", ()), ((), [""])):
        with pytest.raises(UserError, match="is empty"):
            subject_of(subjects, chats, "t", Lookup(KeyRing.of_master(KEY)))
    with pytest.raises(UserError, match="redacted") as error:
        subject_of([], ["chat with jane@example.com"], "t", None)
    assert "jane" not in str(error.value)


def test_the_key_is_that_of_the_stack_or_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TURNLOG_PSEUDONYM_KEY", "TURNLOG_PSEUDONYM_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    assert lookup_of(Servers(), "t") is None
    assert lookup_of(Servers(data=tmp_path), "t") is None
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "pseudonym.key").write_bytes(KEY + b"\n")
    of_stack = lookup_of(Servers(data=tmp_path), "t")
    monkeypatch.setenv("TURNLOG_PSEUDONYM_KEY", KEY.decode())
    of_environment = lookup_of(Servers(), "t")
    assert of_stack is not None
    assert of_environment is not None
    assert subject_of(["x"], [], "t", of_stack) == subject_of(["x"], [], "t", of_environment)


def test_a_request_is_open_until_it_is_answered_or_overdue() -> None:
    request = {"due": 100}
    assert Asked(request, ()).state(50) == "open"
    assert Asked(request, ()).state(101) == "overdue"
    assert Asked({"due": None}, ()).state(101) == "open"
    assert Asked(request, ({"outcome": "refused"}, {"outcome": "done"})).state(101) == "refused"
