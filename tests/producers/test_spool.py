"""Never losing: outages, kills, full and broken disks, clocks, other processes; everything is accounted for."""

from __future__ import annotations

import errno
import logging
import os
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from spoolbench import Broker, all_spooled, client_of, folders, killed, segments
from support import eventually
from turnlog.producers import Client, KafkaConnection, Message, Result, SettingError, Spool
from turnlog.producers.spool import Legacy
from turnlog.producers.spool.folder import Folder
from turnlog.producers.spool.journal import RESERVE_BYTES, Draft, Journal
from turnlog.producers.spool.record import decode_all
from workbench import Hands

PATIENCE = 30.0


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def assert_in_order(broker: Broker) -> None:
    """Numbers rise within each conversation of each producer."""
    places: dict[tuple[str, str], list[int]] = {}
    for event in broker.events():
        places.setdefault((event["producer_id"], event["conversation_id"]), []).append(event["sequence"])
    assert all(a < b for each in places.values() for a, b in pairwise(each))


def meanwhile(hands: Hands, condition: Callable[[], object]) -> None:
    """Wait for something while the clock goes on."""

    def moved() -> object:
        hands.move(0.01)
        return condition()

    eventually(moved, PATIENCE, 0.001)


# Settings


@pytest.mark.parametrize(
    "wrong", [{"path": ""}, {"path": 3}, {"max_bytes": 10}, {"max_bytes": True}, {"max_age": 0}, {"max_age": "x"}]
)
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingError, match="spool"):
        Spool(**{"path": "/x", **wrong})  # type: ignore[arg-type]


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    assert Spool.from_env({}) is None
    env = {"TURNLOG_SPOOL": str(tmp_path), "TURNLOG_SPOOL_BYTES": "8000000", "TURNLOG_SPOOL_AGE": "60.5"}
    assert Spool.from_env(env) == Spool(tmp_path, max_bytes=8_000_000, max_age=60.5)
    with pytest.raises(SettingError, match="TURNLOG_SPOOL_AGE"):
        Spool.from_env({**env, "TURNLOG_SPOOL_AGE": "a day"})
    client = Client.from_env({"TURNLOG_SERVICE": "bot", **env})
    assert client._pipe._spool == Spool.from_env(env)


# Outages


def test_while_kafka_answers_no_event_touches_the_disk(spool: Spool) -> None:
    broker = Broker()
    client = client_of(broker, spool)
    for number in range(500):
        client.info(str(number), conversation_id="c")
    assert client.flush(PATIENCE) == Result(sent=500)
    assert segments(spool) == []
    assert client.close(PATIENCE) == Result(sent=500)
    assert folders(spool) == []
    assert (broker.balance(client.producer_id), broker.marked()) == ({}, 0)


def test_an_outage_is_spooled_and_replayed_in_order(spool: Spool) -> None:
    broker = Broker()
    client = client_of(broker, spool)
    client.info("before", conversation_id="0")
    assert client.flush(PATIENCE).sent == 1
    broker.up.clear()
    for number in range(1500):
        client.info("x" * 5000, conversation_id=str(number % 7))
    all_spooled(client, 1500)
    assert client.flush(0.05) == Result(sent=1, spooled=1500)
    assert len(segments(spool)) > 1
    for path in (spool.path, *spool.path.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    broker.up.set()
    for number in range(300):
        client.info("after", conversation_id=str(number % 7))
    assert client.flush(PATIENCE) == Result(sent=1801)
    assert_in_order(broker)
    assert broker.marked() == 0
    eventually(lambda: segments(spool) == [], PATIENCE)
    assert client.close(PATIENCE) == Result(sent=1801)
    assert broker.balance(client.producer_id) == {}
    assert folders(spool) == []


def test_a_flapping_kafka_changes_nothing(spool: Spool) -> None:
    broker = Broker()
    client = client_of(broker, spool)
    for round_ in range(6):
        (broker.up.clear if round_ % 2 else broker.up.set)()
        for number in range(200):
            client.info(str(number), conversation_id=str(number % 3))
        client.flush(0.7)
    broker.up.set()
    assert client.close(PATIENCE) == Result(sent=1200)
    assert_in_order(broker)
    assert (broker.balance(client.producer_id), broker.marked()) == ({}, 0)


def test_close_leaves_the_rest_to_the_next_process(spool: Spool) -> None:
    broker = Broker(up=False)
    client = client_of(broker, spool)
    for number in range(50):
        client.info(str(number), conversation_id="c")
    result = client.close(1.0)
    assert result == Result(spooled=50)
    assert not result.complete
    broker.up.set()
    heir = client_of(broker, spool)
    heir.info("mine", conversation_id="c")
    assert heir.close(PATIENCE) == Result(sent=1)
    assert broker.balance(client.producer_id) == broker.balance(heir.producer_id) == {}
    assert [each["body"] for each in broker.events()] == [*map(str, range(50)), "mine"]
    assert folders(spool) == []


def test_close_leaves_what_was_handed_over_too(spool: Spool) -> None:
    broker = Broker()
    client = client_of(broker, spool)
    client.info("first", conversation_id="c")
    assert client.flush(PATIENCE).sent == 1
    broker.answers = False
    for number in range(40):
        client.info(str(number), conversation_id="c")
    result = client.close(0.5)
    assert result == Result(sent=1, spooled=40)
    broker.answers = True
    client_of(broker, spool).close(PATIENCE)
    assert broker.marked() in {40, 41}, "the report may have been tried"
    assert [each["body"] for each in broker.events()] == ["first", *map(str, range(40))]
    assert broker.balance(client.producer_id) == {}
    assert folders(spool) == []


def test_what_the_kafka_client_gives_up_is_sent_again_and_marked(spool: Spool) -> None:
    broker = Broker()
    broker.answers = False
    client = client_of(broker, spool)
    client.info("first", conversation_id="c")
    eventually(lambda: client.result().spooled == 1, PATIENCE)
    broker.answers = True
    assert client.flush(PATIENCE) == Result(sent=1)
    broker.answers = False
    for number in range(20):
        client.info(str(number), conversation_id="c")
    all_spooled(client, 20)
    eventually(lambda: len(broker.log) == 21, PATIENCE)
    client._pipe._worker._courier._transport.abandon()  # type: ignore[attr-defined] # as if each had timed out
    broker.answers = True
    assert client.close(PATIENCE) == Result(sent=21)
    assert broker.marked() == 20
    assert [each["body"] for each in broker.events()] == ["first", *map(str, range(20))]
    assert broker.balance(client.producer_id) == {}


# Kills


def test_after_a_kill_the_next_process_sends_and_accounts(spool: Spool) -> None:
    lost = """
        for number in range(30):
            client.info("too late")
    """
    dead = killed(spool, lost)
    broker = Broker()
    heir = client_of(broker, spool)  # that it is made is enough
    eventually(lambda: len(broker.log) == 101, PATIENCE)
    assert broker.balance(dead) == {"crashed": 30}
    assert [each["body"] for each in broker.events()] == list(map(str, range(100)))
    assert broker.marked() == 1, "only the report may be there already"
    heir.info("mine")
    heir.close(PATIENCE)
    assert folders(spool) == []
    assert not list(Path("/dev/shm").glob(f"turnlog-{dead}"))


def test_an_heir_that_dies_too_has_an_heir(spool: Spool) -> None:
    dead = killed(spool, events=700)
    broker = Broker()
    broker.answers = False  # takes, but the heir never hears of it
    heir = client_of(broker, spool)
    eventually(lambda: len(broker.log) == 700, PATIENCE)
    heir.close(0.3)
    broker.answers = True
    assert len(folders(spool)) == 1
    last = client_of(broker, spool)
    last.info("mine")
    last.close(PATIENCE)
    assert len(broker.log) > 1400
    assert broker.balance(dead) == {}
    assert_in_order(broker)


def test_a_damaged_segment_costs_what_was_damaged(spool: Spool, caplog: pytest.LogCaptureFixture) -> None:
    dead = killed(spool)
    path = max(segments(spool), key=lambda each: each.stat().st_size)
    data = bytearray(path.read_bytes())
    damaged = list(decode_all(bytes(data)))[10:13]
    start, end = (data.index(each.message.value) for each in (damaged[0], damaged[2]))
    data[start : end + 5] = os.urandom(end + 5 - start)
    path.write_bytes(bytes(data[:-20]))  # and a torn tail
    broker = Broker()
    client_of(broker, spool).close(PATIENCE)
    assert broker.balance(dead) == {"spool_corrupt": 4}


@pytest.mark.parametrize("how", ["missing", "garbage", "unreadable"])
def test_a_lost_segment_and_state_are_survived(spool: Spool, how: str) -> None:
    dead = killed(spool)
    for path in (max(segments(spool), key=lambda each: each.stat().st_size), spool.path / dead / "state"):
        if how == "missing":
            path.unlink()
        elif how == "garbage":
            path.write_bytes(b"\xff" * 100)
        elif path.suffix == ".segment":
            path.unlink()
            path.mkdir()
    broker = Broker()
    client_of(broker, spool).close(PATIENCE)
    balance = broker.balance(dead)
    assert balance.keys() <= {"spool_corrupt", "crashed"}


def test_an_heir_that_cannot_cope_with_an_estate_goes_on_without_it(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    dead = killed(spool, events=5)
    monkeypatch.setattr(Legacy, "report", lambda self, estate: 1 / 0)
    broker = Broker()
    heir = client_of(broker, spool)
    heir.info("mine")
    assert heir.close(PATIENCE) == Result(sent=1)
    assert "unexpected ZeroDivisionError; left where it is" in caplog.text
    assert [each.name for each in folders(spool)] == [dead]
    monkeypatch.undo()
    client_of(broker, spool).close(PATIENCE)
    assert broker.balance(dead) == {}
    assert len(broker.events()) == 6
    assert folders(spool) == []


def test_processes_share_a_spool_and_leave_the_living_alone(spool: Spool) -> None:
    broker, other = Broker(up=False), Broker()
    first = client_of(broker, spool)
    for number in range(30):
        first.info(str(number))
    all_spooled(first, 30)
    dead = killed(spool, events=5)
    second = client_of(other, spool)
    second.info("x")
    assert second.close(PATIENCE) == Result(sent=1)
    assert other.balance(dead) == {}
    assert len(other.log) == 5 + 1 + 2
    assert [each.name for each in folders(spool)] == [first.producer_id]
    broker.up.set()
    assert first.close(PATIENCE) == Result(sent=30)
    assert broker.balance(first.producer_id) == {}


def test_a_forked_child_has_a_folder_of_its_own(spool: Spool) -> None:
    program = """
        import os, sys, time
        from turnlog.producers import Client, KafkaConnection, Spool
        client = Client("bot", connection=KafkaConnection("127.0.0.1:1"), spool=Spool(sys.argv[1]))
        def spooled(count):
            while client.result().spooled != count:
                time.sleep(0.002)
        client.info("parent")
        spooled(1)
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(1)
            os.close(2)
            client.info("child")
            spooled(1)
            os.write(writing, b"x")
            time.sleep(600)
        os.read(reading, 1)
        print(child, flush=True)
        os.kill(os.getpid(), 9)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(spool.path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    child = int(done.stdout)
    try:
        assert len(folders(spool)) == 2
        broker = Broker()
        client_of(broker, spool).close(PATIENCE)
        # The parent is dead, and a living child does not keep its lock.
        assert [each["body"] for each in broker.events()] == ["parent"]
        assert len(folders(spool)) == 1
    finally:
        os.kill(child, 9)


# Limits


def test_a_full_spool_refuses_debug_first_and_security_never(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", max_bytes=4 * 1024 * 1024)
    broker = Broker(up=False)
    client = client_of(broker, spool)
    body = "x" * 40_000
    for log in (client.debug, client.info):
        for _ in range(120):
            log(body, conversation_id="c")
    for _ in range(20):
        client.security("authn_login_fail", body, conversation_id="c")
    eventually(lambda: client.result().pending == 0, PATIENCE)
    result = client.result()
    size = sum(each.stat().st_size for each in segments(spool))
    assert 4 * 1024 * 1024 < size < 4 * 1024 * 1024 + 21 * 41_000
    assert result.reasons == {"spool_full": 260 - result.spooled}
    broker.up.set()
    client.close(PATIENCE)
    kept = [each["log_type"] for each in broker.events()]
    assert (kept.count("security"), kept.count("debug") + kept.count("info")) == (20, result.spooled - 20)
    assert 70 < kept.count("debug") < 80
    assert 20 < kept.count("info") < 30
    assert broker.balance(client.producer_id) == result.reasons


def test_what_is_too_old_is_dropped_but_security_is_not(tmp_path: Path) -> None:
    hands = Hands()
    broker = Broker(up=False)
    client = client_of(broker, Spool(tmp_path / "spool", max_age=60), hands.clock())
    client.info("lost to the schema")
    for _ in range(10):
        client.info("x" * 600_000)
    client.security("authn_login_fail")
    meanwhile(hands, lambda: client.result().spooled == 12)
    hands.move(61)
    client.info("young")
    meanwhile(hands, lambda: client.result().pending == 0)
    broker.up.set()
    meanwhile(hands, lambda: not client.result().spooled)
    hands.move(3600)
    result = client.result()
    assert (result.sent, result.reasons) == (2, {"spool_expired": 11})
    client.close(PATIENCE)


def test_a_clock_that_jumps_back_changes_nothing(tmp_path: Path) -> None:
    hands = Hands()
    broker = Broker()
    spool = Spool(tmp_path / "spool", max_age=3600)
    client = client_of(broker, spool, hands.clock())
    broker.up.clear()
    for jump in (0, -86_400, 172_800, -86_400):
        hands.now_us += jump * 1_000_000
        client.info(str(jump), conversation_id="c")
        meanwhile(hands, lambda: not client.result().pending)
    hands.now_us -= 365 * 86_400_000_000
    client.info("last", conversation_id="c")
    meanwhile(hands, lambda: not client.result().pending)
    assert client.result().spooled == 5
    broker.up.set()
    meanwhile(hands, lambda: client.result().sent == 5)
    assert [each["body"] for each in broker.events()] == ["0", "-86400", "172800", "-86400", "last"]
    hands.move(3600)
    client.close(PATIENCE)


# Disks


def test_an_unusable_directory_leaves_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    broker = Broker(up=False)
    client = client_of(broker, Spool(tmp_path / "file" / "spool"))
    with caplog.at_level(logging.WARNING, "turnlog"):
        for number in range(200):
            client.info(str(number), conversation_id="c")
        assert client.flush(0.5) == Result(pending=200)
    assert [each.getMessage() for each in caplog.records if "spool" in each.getMessage()] == [
        f"turnlog: spool: Not a directory: {tmp_path / 'file' / 'spool'}; events wait in memory"
    ]
    broker.up.set()
    assert client.flush(PATIENCE) == Result(sent=200)
    broker.up.clear()
    client.info("kept in memory")
    client.flush(0.6)
    (tmp_path / "file").unlink()
    all_spooled(client, 1)  # it is tried again
    broker.up.set()
    assert client.close(PATIENCE) == Result(sent=201)
    assert_in_order(broker)
    assert broker.balance(client.producer_id) == {}


def test_a_directory_that_is_removed_costs_what_was_in_it(spool: Spool) -> None:
    broker = Broker(up=False)
    client = client_of(broker, spool)
    for number in range(50):
        client.info(str(number))
    all_spooled(client, 50)
    spool.path.rename(spool.path.with_suffix(".gone"))
    eventually(spool.path.exists, PATIENCE)
    client.info("again")
    eventually(lambda: not client.result().pending, PATIENCE)
    broker.up.set()
    result = client.close(PATIENCE)
    assert result.sent + result.dropped == 51
    assert result.reasons.keys() <= {"spool_corrupt"}
    assert broker.balance(client.producer_id) == result.reasons


def test_a_full_disk_takes_what_matters_most_and_the_rest_waits(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    room = [40_000]
    write, give = Journal._write, Journal.give_reserve

    def limited(self: Journal, data: bytes) -> None:
        if len(data) > room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        room[0] -= len(data)
        write(self, data)

    def more(self: Journal) -> bool:
        given = give(self)
        room[0] += 20_000 * given
        return given

    monkeypatch.setattr(Journal, "_write", limited)
    monkeypatch.setattr(Journal, "give_reserve", more)
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result((4096, 4096, 9, 0, 0, 0, 0, 0, 0, 255)))
    broker = Broker(up=False)
    client = client_of(broker, spool)
    for number in range(300):
        client.info(str(number), conversation_id="c")
    client.flush(0.3)
    for _ in range(20):
        client.security("authn_login_fail", conversation_id="s")
    client.flush(0.3)
    written = [each.message.topic for path in segments(spool) for each in decode_all(path.read_bytes())]
    result = client.result()
    assert written.count("raw.security") == 20
    assert (result.spooled, result.pending) == (len(written), 320 - len(written))
    broker.up.set()
    assert client.close(PATIENCE) == Result(sent=320)
    assert_in_order(broker)
    assert broker.balance(client.producer_id) == {}


def test_a_small_file_system_that_fills_up_is_survived(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting needs root")
    try:
        broker = Broker(up=False)
        spool = Spool(disk / "spool")
        client = client_of(broker, spool)
        for number in range(400):
            client.info("x" * 10_000 + str(number), conversation_id="c")
        for _ in range(30):
            client.security("authn_login_fail", "y" * 10_000, conversation_id="c")
        eventually(lambda: client.result().spooled > 150 and client.flush(0.2).pending > 100, PATIENCE)
        written = [each.message.topic for path in segments(spool) for each in decode_all(path.read_bytes())]
        assert written.count("raw.security") == 30
        assert os.statvfs(disk).f_bavail * 4096 < RESERVE_BYTES
        broker.up.set()
        assert client.close(PATIENCE) == Result(sent=430)
        assert broker.balance(client.producer_id) == {}
        assert folders(spool) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_fails_again_and_again_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder.create(tmp_path, "p", {})
    losses: list[object] = []
    journal = Journal(folder, Spool(tmp_path), lambda *loss: losses.append(loss))
    write, broken = Journal._write, [False]

    def flaky(self: Journal, data: bytes) -> None:
        write(self, data[:30] if broken[0] else data)
        if broken[0]:
            raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(Journal, "_write", flaky)
    draft = Draft(0, 0, 1, Message("raw.logs", b"k", b"v" * 50, []))
    for number in range(20):
        broken[0] = number % 4 != 0
        if broken[0]:
            with pytest.raises(OSError, match="broken"):
                journal.append([draft], 1)
        else:
            journal.append([draft._replace(sequence=number), draft._replace(sequence=number + 1)], 1)
    journal.roll()
    found = []
    while records := journal.backlog.peek(1, 1):
        found.append(records[0][0].sequence)
        journal.backlog.take()
        records[0][1].left -= 1
    assert found == [0, 1, 4, 5, 8, 9, 12, 13, 16, 17]
    journal.tidy()
    assert (list(tmp_path.glob("p/*.segment")), losses) == ([], [])
    journal.close()
    folder.remove()


def test_without_disk_and_kafka_memory_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    client = client_of(Broker(up=False), Spool(tmp_path / "file" / "spool"), queue_events=1000, queue_bytes=1024 * 1024)
    for _ in range(60):
        client.info("x" * 100_000)
    client.flush(0.3)
    for _ in range(60):
        client.info("x" * 100_000)
    assert client.flush(0.3).pending <= 21
    result = client.close(0.5)
    assert result.pending == result.spooled == 0
    assert result.failed + result.dropped == 120
    assert result.reasons.keys() == {"queue_full", "undelivered"}


def test_a_client_without_events_leaves_nothing(spool: Spool) -> None:
    client = Client("bot", connection=KafkaConnection("127.0.0.1:1"), spool=spool)
    assert client.close(1) == Result()
    assert not spool.path.exists()


def test_losses_just_before_a_kill_are_accounted_for(spool: Spool) -> None:
    late = """
        for number in range(20):
            client.info("x" * 9_000_000)
            client.info("fits")
        while client.result().dropped < 20 and client.result().pending:
            time.sleep(0.0005)
    """
    killed(spool, late)
    broker = Broker()
    client_of(broker, spool).close(PATIENCE)
    report = broker.once()[-1].event["attributes"]
    dropped = {reason: int(count) for reason, count in report.items() if reason != "sent"}
    assert dropped.keys() <= {"dropped.too_large", "dropped.queue_full", "dropped.crashed"}
    # Killed between two stores, some count as both too large and crashed; never as neither.
    missing = int(report["sent"]) - len(broker.once()) - sum(dropped.values())
    assert -20 <= missing <= 0
