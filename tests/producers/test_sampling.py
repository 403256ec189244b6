"""One conversation in N, the same everywhere, and weights that leave statistics unbiased: exactly, not on average."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import eventually
from turnlog.producers import Client, Limits, Result, Sampling, SettingError
from turnlog.producers.kinds import CALL, DEBUG, DEPLOYMENT, LOG, MODEL, REPORT, SCORE, SECURITY, STEP, Kind
from turnlog.producers.sampling import MOST, point_of
from turnlog.producers.testing import RecordingTransport
from workbench import Bench

POINTS = 1 << 64
PATIENCE = 30.0

kinds = st.sampled_from([CALL, STEP, LOG, DEBUG, SCORE, SECURITY, DEPLOYMENT])
events = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["ok", "error", "timeout"]),
        "log_type": st.sampled_from(["info", "debug", "error"]),
        "duration_us": st.integers(0, 20_000_000),
        "value": st.none() | st.floats(0, 1),
        "name": st.sampled_from(["thumbs", "stars"]),
        "conversation_id": st.just("c"),
    }
)


samplings = st.builds(
    Sampling,
    keep_one_in=st.integers(1, 12),
    debug_one_in=st.none() | st.integers(1, 12),
    errors=st.booleans(),
    slow=st.none() | st.floats(0, 20),
    low_score=st.none() | st.floats(0, 1) | st.dictionaries(st.sampled_from(["thumbs", "stars"]), st.floats(0, 1)),
)


@given(st.lists(st.tuples(kinds, events), max_size=8), samplings)
def test_expected_sums_by_weight_are_the_sums_of_all_events(
    conversation: list[tuple[Kind, dict[str, Any]]], sampling: Sampling
) -> None:
    """A conversation is anywhere in the range with the same probability: expected is the mean over all places."""
    places = sampling.keep_one_in * (sampling.debug_one_in or 1)
    for statistic in (lambda event: 1, lambda event: event["duration_us"], lambda event: event["status"] != "ok"):
        expected = Fraction(0)
        for place in range(places):
            # The middle of a place: both thresholds lie on bounds between places.
            point = (2 * place + 1) * POINTS // (2 * places)
            for kind, event in conversation:
                expected += Fraction(sampling.weight(kind, event, point) * statistic(event), places)
        assert expected == sum(statistic(event) for _, event in conversation)


@given(kinds, events, st.integers(0, POINTS - 1), st.integers(1, MOST), st.integers(1, MOST))
def test_who_keeps_less_keeps_some_of_the_same(
    kind: Kind, event: dict[str, Any], point: int, one_in: int, more: int
) -> None:
    few, many = Sampling(keep_one_in=max(one_in, more)), Sampling(keep_one_in=min(one_in, more))
    if few.weight(kind, event, point):
        assert many.weight(kind, event, point)


SAMPLED = Sampling(keep_one_in=1000, slow=timedelta(seconds=5), low_score={"thumbs": 0.5, "stars": 3})
UNLUCKY = POINTS - 1


@pytest.mark.parametrize(
    ("kind", "event", "weight"),
    [
        (CALL, {"status": "ok", "duration_us": 4_999_999}, 0),
        (CALL, {"status": "ok", "duration_us": 5_000_000}, 1),
        (CALL, {"status": "timeout", "duration_us": 1}, 1),
        (STEP, {"status": "error", "duration_us": 1}, 1),
        (LOG, {"log_type": "info"}, 0),
        (LOG, {"log_type": "ERROR"}, 1),
        (LOG, {"log_type": "Security"}, 1),
        (LOG, {"log_type": "info", "exception_type": "ValueError"}, 1),
        (LOG, {"log_type": "info", "severity_number": 21}, 1),
        (LOG, {"log_type": "info", "severity_number": object()}, 1),
        (DEBUG, {"log_type": "debug"}, 0),
        (SCORE, {"trace_id": "t", "name": "thumbs", "value": 0.0}, 1),
        (SCORE, {"trace_id": "t", "name": "thumbs", "value": 1.0}, 0),
        (SCORE, {"trace_id": "t", "name": "stars", "value": 2}, 1),
        (SCORE, {"trace_id": "t", "name": "other", "value": 0}, 0),
        (SCORE, {"trace_id": "t", "name": "stars", "value": "bad"}, 0),
        (SCORE, {"name": "thumbs", "value": 1.0}, 1),
        (SECURITY, {}, 1),
        (DEPLOYMENT, {}, 1),
        (MODEL, {}, 1),
        (REPORT, {}, 1),
    ],
)
def test_what_is_always_kept(kind: Kind, event: dict[str, Any], weight: int) -> None:
    assert SAMPLED.weight(kind, event, UNLUCKY) == weight
    assert SAMPLED.weight(kind, event, 0) == (weight or 1000)


def test_a_rule_of_ones_own_keeps_what_it_says_and_what_it_fails_on() -> None:
    def rule(record: str, fields: Mapping[str, Any]) -> bool:
        return record == "LogRecord" and fields["logger_name"] == "audit"

    sampling = Sampling(keep_one_in=10, always=rule)
    assert sampling.weight(LOG, {"log_type": "info", "logger_name": "audit"}, UNLUCKY) == 1
    assert sampling.weight(LOG, {"log_type": "info", "logger_name": "web"}, UNLUCKY) == 0
    assert sampling.weight(LOG, {"log_type": "info"}, UNLUCKY) == 1


def test_a_conversation_is_in_the_same_place_in_every_process() -> None:
    assert point_of("acme", "c-1") == 12125050897134763510
    code = "from turnlog.producers.sampling import point_of; print(point_of('acme', 'c-1'))"
    assert int(subprocess.check_output([sys.executable, "-c", code])) == point_of("acme", "c-1")
    assert point_of("acme", "c-1") != point_of("other", "c-1")
    assert len({point_of("acme", f"c-{n}") * 8 // POINTS for n in range(500)}) == 8


def sampled(transport: RecordingTransport, **more: Any) -> Client:
    sampling = Sampling(keep_one_in=4, **more)
    return Client("bot", tenant="acme", connect=lambda trouble: transport, sampling=sampling)


def kept(conversation: str) -> bool:
    return point_of("acme", conversation) * 4 < POINTS


CHATS = [f"c-{n}" for n in range(40)]


def test_a_conversation_is_kept_whole_or_left_out_whole_and_the_account_balances(
    caplog: pytest.LogCaptureFixture,
) -> None:
    transport = RecordingTransport()
    client = sampled(transport)
    with caplog.at_level(logging.WARNING, "turnlog"):
        for chat in CHATS:
            with client.conversation(chat), client.turn():
                with client.step("tool", "search") as step:
                    step.finish("found")
                with client.call(provider="p", model="m", input="?") as call:
                    call.finish("!")
                client.info("answered")
                client.debug("details")
                client.score("thumbs", True, target=call)
        result = client.close(PATIENCE)
    assert not caplog.records
    events = transport.events()
    wanted = [chat for chat in CHATS if kept(chat)]
    assert 0 < len(wanted) < len(CHATS)
    assert [each["conversation_id"] for each in events] == [chat for chat in wanted for _ in range(5)]
    assert {each["sample_weight"] for each in events} == {4}
    left_out = 5 * (len(CHATS) - len(wanted))
    assert result == Result(sent=len(events), reasons={"sampled": left_out})
    assert result.complete
    report = transport.recorded[-1].event["attributes"]
    assert report == {"sent": str(5 * len(CHATS) + 1), "dropped.sampled": str(left_out)}
    numbers = [each["sequence"] for each in events]
    assert numbers == sorted(set(numbers))


def test_what_is_left_out_is_reported_at_intervals_too(bench: Bench) -> None:
    client = Client(
        "bot",
        connect=lambda trouble: bench.recorded,
        clock=bench.hands.clock(),
        sampling=Sampling(keep_one_in=MOST),
        limits=Limits(report_interval=60),
    )
    client.info("left out")
    client.flush(PATIENCE)
    assert bench.recorded.recorded == []
    bench.hands.move(60)
    client.info("left out")
    client.flush(PATIENCE)
    reports = eventually(lambda: [each.event["attributes"] for each in bench.recorded.recorded])
    assert reports == [{"sent": "3", "dropped.sampled": "2"}]
    bench.hands.move(3600)
    client.close(PATIENCE)


def test_what_a_rule_keeps_weighs_one_wherever_it_belongs() -> None:
    transport = RecordingTransport()
    client = sampled(transport)
    for chat in CHATS:
        with client.conversation(chat):
            client.error("oh")
            client.security("authn_login_fail")
            client.start_call(provider="p", model="m").fail("overloaded")
    client.deployment("d", "rollout")
    client.model_version("mv", provider="p", name="n")
    assert client.close(PATIENCE) == Result(sent=3 * len(CHATS) + 2)
    assert {each.get("sample_weight", 1) for each in transport.events()} == {1}


def test_debug_lines_may_be_fewer() -> None:
    transport = RecordingTransport()
    client = sampled(transport, debug_one_in=MOST)
    for chat in CHATS:
        client.debug("details", conversation_id=chat)
        client.info("answered", conversation_id=chat)
    client.close(PATIENCE)
    assert {each["log_type"] for each in transport.events()} == {"info"}


def test_outside_of_conversations_the_trace_decides_and_else_the_event() -> None:
    transport = RecordingTransport()
    client = sampled(transport)
    for _ in range(20):
        with client.turn():
            client.info("one")
            client.info("two")
    for _ in range(40):
        client.info("alone")
    client.info("odd", conversation_id=17, tenant=object())  # type: ignore[arg-type] # whatever comes
    client.close(PATIENCE)
    bodies = [each["body"] for each in transport.events()]
    assert 0 < bodies.count("one") == bodies.count("two") < 20
    assert 0 < bodies.count("alone") < 40


@pytest.mark.parametrize(("given", "stored"), [(3, 3), (0, 1), (-4, 1), ("x", 1), (10**9, MOST)])
def test_a_weight_from_elsewhere_is_kept_if_it_can_be_one(given: Any, stored: int) -> None:
    transport = RecordingTransport()
    client = Client("bot", connect=lambda trouble: transport)
    client.info("x", sample_weight=given)  # type: ignore[call-arg] # not an everyday field
    client.close(PATIENCE)
    assert transport.events()[0]["sample_weight"] == stored


@pytest.mark.parametrize(
    "wrong",
    [
        {"keep_one_in": 0},
        {"keep_one_in": 1.5},
        {"keep_one_in": True},
        {"debug_one_in": MOST + 1},
        {"errors": "yes"},
        {"slow": "soon"},
        {"low_score": {"stars": None}},
        {"low_score": float("nan")},
        {"always": 3},
    ],
)
def test_a_wrong_sampling_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=next(iter(wrong))):
        Sampling(**wrong)


def test_a_client_takes_nothing_else_for_a_sampling() -> None:
    with pytest.raises(SettingError, match="sampling must be a Sampling, not int"):
        Client("bot", sampling=10, limits=Limits())  # type: ignore[arg-type] # on purpose
