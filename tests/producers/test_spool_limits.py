"""Never losing for want of room: full and broken disks, limits, ages and clocks; everything is accounted for."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from spoolbench import Broker, all_spooled, assert_in_order, client_of, folders, segments
from support import eventually
from turnlog.producers import Message, Result, Spool
from turnlog.producers.spool.folder import Folder
from turnlog.producers.spool.journal import RESERVE_BYTES, Draft, Journal
from turnlog.producers.spool.record import decode_all
from workbench import Hands, close_in

PATIENCE = 30.0


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def meanwhile(hands: Hands, condition: Callable[[], object]) -> None:
    """Wait for something while the clock goes on."""

    def moved() -> object:
        hands.move(0.01)
        return condition()

    eventually(moved, PATIENCE, 0.001)


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
    result = close_in(client, 0.5)
    assert result.pending == result.spooled == 0
    assert result.failed + result.dropped == 120
    assert result.reasons.keys() == {"queue_full", "undelivered"}
