import re

from hypothesis import given, settings
from hypothesis import strategies as st

from turnlog.processors.keys import Epoch, KeyRing, Tree, TreeKey
from turnlog.processors.redaction import Pseudonyms, Redactor, Scanner, builtin, is_unlinkable
from turnlog.processors.redaction.pseudonyms import USER_DIGITS
from turnlog.processors.redaction.scanner import TOKEN

KINDS = st.sampled_from(["EMAIL", "PHONE", "USER"])
TEXTS = st.text(st.characters(), max_size=20)
RING = KeyRing(tuple(Epoch(number, number * 1000, TreeKey(Tree({"": bytes([number]) * 32}))) for number in (1, 2, 3)))
MAIL = "ann@example.com"


@given(KINDS, TEXTS, TEXTS, st.integers(8, 32))
def test_every_token_is_one_for_each_epoch_and_of_the_form_that_redaction_leaves_alone(
    kind: str, value: str, tenant: str, digits: int
) -> None:
    pseudonyms = Pseudonyms(RING)
    tokens = pseudonyms.every_token(kind, value, tenant, digits)
    assert [re.findall(r":k(\d)-", each) for each in tokens] == [["3"], ["2"], ["1"]]
    assert all(TOKEN.fullmatch(each) for each in tokens)
    assert tokens[0] == pseudonyms.token(kind, value, tenant, digits)
    made = [pseudonyms.at(number * 1_000_000).token(kind, value, tenant, digits) for number in (3, 2, 1)]
    assert tokens == made == Pseudonyms(RING).every_token(kind, value, tenant, digits)


@given(KINDS, st.lists(TEXTS, min_size=2, max_size=2, unique=True), TEXTS)
def test_other_values_tenants_and_kinds_have_other_tokens(kind: str, two: list[str], other: str) -> None:
    pseudonyms = Pseudonyms(RING)
    one, another = two
    assert pseudonyms.token(kind, one, other, 32) != pseudonyms.token(kind, another, other, 32)
    digits = {pseudonyms.token(kind, other, tenant, 32).split("-")[1] for tenant in two}
    assert len(digits | {pseudonyms.token("IP", other, one, 32).split("-")[1]}) == 3


@settings(max_examples=50)
@given(TEXTS, st.lists(TEXTS, min_size=2, max_size=2, unique=True))
def test_destroyed_keys_leave_tokens_that_link_nothing(tenant: str, values: list[str]) -> None:
    pseudonyms = Pseudonyms(RING)
    before = {each: pseudonyms.every_token("EMAIL", each, "another") for each in values}
    lost = pseudonyms.token("EMAIL", values[0], tenant)
    pseudonyms.use(RING.without_tenant(tenant, 5000))
    assert {pseudonyms.token("EMAIL", each, tenant) for each in values} == {"<EMAIL:k3-00000000>"} != {lost}
    assert (is_unlinkable("<EMAIL:k3-00000000>"), is_unlinkable(lost)) == (True, False)
    assert pseudonyms.every_token("EMAIL", values[0], tenant) == []
    if tenant != "another":
        assert {each: pseudonyms.every_token("EMAIL", each, "another") for each in values} == before


def test_one_tenant_loses_one_epoch() -> None:
    pseudonyms = Pseudonyms(RING.without_tenant("acme", 5000, 2))
    assert [each[8] for each in pseudonyms.every_token("EMAIL", MAIL, "acme")] == ["3", "1"]


def test_users_are_found_however_they_are_written() -> None:
    redactor = Redactor(Scanner(builtin()), pseudonyms := Pseudonyms(RING))
    written = redactor.redact({"tenant_id": "t", "user_key": " Jane ", "ingest_time": 2_500_000}, "ModelCall")
    tokens = pseudonyms.every_user("JANE", "t")
    assert written["user_key"] == tokens[1] == f"<USER:k2-{tokens[1][9:-1]}>"
    assert len(tokens[1]) == len("<USER:k2->") + USER_DIGITS


def test_a_record_redacted_again_gets_the_tokens_that_it_had() -> None:
    record = {"tenant_id": "t", "body": MAIL, "ingest_time": 3_500_000}
    first = Redactor(Scanner(builtin()), Pseudonyms(RING)).redact(record, "LogRecord")
    newer = RING.rotated(TreeKey(Tree({"": b"n" * 32})), 4000, 4500)
    assert Redactor(Scanner(builtin()), Pseudonyms(newer)).redact(record, "LogRecord") == first


def test_no_secret_is_shown() -> None:
    assert "hush" not in repr(vars(Pseudonyms(b"hush" * 8)))
