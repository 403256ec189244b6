"""The demo's bots, without servers."""

import threading
import time
from random import Random

import pytest

from turnlog.producers import Client
from turnlog.producers.testing import RecordingTransport, recording_client
from turnlog.stack.demo import Outcome, Show, run_show, sections
from turnlog.stack.demo.acts import Acts
from turnlog.stack.demo.people import Customer
from turnlog.stack.demo.script import ROLES
from turnlog.stack.demo.show import _WORKERS


def test_customers_are_made_up_with_right_check_digits() -> None:
    for seed in range(200):
        customer = Customer.make(Random(seed))
        digits = [int(each) for each in customer.card if each != " "][::-1]
        assert len(digits) == 16
        assert sum(digits[0::2]) % 10 == -sum(sum(divmod(2 * each, 10)) for each in digits[1::2]) % 10
        assert int(customer.iban[4:] + "1314" + customer.iban[2:4]) % 97 == 1
    assert Customer.make(Random(1)) == Customer.make(Random(1))


def test_acts_follow_each_other() -> None:
    acts = Acts(began=100, seconds=10)
    assert [acts.candidate_serves(100 + second) for second in range(10)] == [False] * 4 + [True] * 4 + [False] * 2
    assert acts.slow(105)
    assert not acts.slow(107)
    assert acts.until(0.4, 101) == 3
    assert acts.until(0.4, 109) == 0
    assert not acts.over(109)
    assert acts.over(110)


BOTS = len(ROLES) * _WORKERS


class OwnTime(threading.local):
    """Every bot lives through the whole show in its own time, however the machine shares out its own."""

    def __init__(self, bots: threading.Barrier) -> None:
        # Made anew in every thread. They wait for each other, so that no thread plays two bots.
        self.seconds = 0.0
        if threading.current_thread() is not threading.main_thread():
            bots.wait(60)

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def test_a_show_has_everything_that_a_pipeline_is_for() -> None:
    recorded: dict[str, RecordingTransport] = {}

    def client(service: str) -> Client:
        made, recorded[service] = recording_client(service)
        return made

    own = OwnTime(threading.Barrier(BOTS))
    outcome = run_show(Show(4, 1, client, own.now, own.sleep, lambda _: None))
    events = [each for transport in recorded.values() for each in transport.recorded]
    kinds = {each.record for each in events}
    assert kinds == {"ModelCall", "Step", "LogRecord", "Score", "DeploymentEvent", "ModelVersion"}
    log_types = {each.event["log_type"] for each in events if each.record == "LogRecord"}
    assert log_types == {"info", "debug", "error", "security"}
    assert {each.event["status"] for each in events if each.record == "ModelCall"} >= {"ok", "error"}
    shop = recorded["shop-support"]
    acts = [(each["action"], each["model_version_id"]) for each in shop.events("DeploymentEvent")]
    assert acts == [
        ("rollout", "parley-large-2026-10"),
        ("rollout", "parley-large-2026-11"),
        ("rollback", "parley-large-2026-10"),
    ]
    assert {each["request_model"] for each in shop.events("ModelCall")} == {
        "parley-large-2026-10",
        "parley-large-2026-11",
    }
    assert all(result.complete for result in outcome.producers.values())
    assert len(outcome.producers) == len(ROLES)
    assert outcome.richest is not None
    assert outcome.longest is not None


def test_a_bot_that_breaks_ends_the_show_and_closes_the_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    clients = []

    def client(service: str) -> Client:
        clients.append(recording_client(service)[0])
        return clients[-1]

    def broken(_chance: Random) -> Customer:
        raise RuntimeError("broken bot")

    monkeypatch.setattr(Customer, "make", broken)
    with pytest.raises(RuntimeError, match="broken bot"):
        run_show(Show(0.1, 1, client, time.monotonic, lambda _: None, lambda _: None))
    before = clients[0].result()
    clients[0].info("after the end")
    assert clients[0].result().dropped == before.dropped + 1


def test_sections_speak_of_one_tenant_and_stand_without_a_show() -> None:
    found = sections(Outcome(), "demo-1")
    assert found
    assert all("'demo-1'" in section.query and "{tenant}" not in section.query for section in found)
