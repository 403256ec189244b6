import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import keyservice
from turnlog.processors.keys import KeyFile, KeyRing, TreeKey, WatchedKeys, dump, key_source, new_key, new_ring, parse
from turnlog.schemas import SettingError, TransientError, UserError


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    made = KeyFile(tmp_path / "pseudonym.key")
    assert made.create(new_ring)
    return made


def rotated(ring: KeyRing) -> KeyRing:
    now_ms = ring.epochs[-1].valid_from_ms + 1
    return ring.rotated(new_key(ring.epochs[-1].number + 1), now_ms, now_ms + 1)


def test_a_ring_comes_back_as_it_was_written() -> None:
    ring = rotated(rotated(rotated(KeyRing.of_master(b"k" * 32)))).without_tenant("acme", 9, 3).without_epoch(2, 10)
    assert parse(dump(ring)) == ring


def test_a_master_key_is_a_ring_of_one_epoch() -> None:
    assert parse(f"{'k' * 32}\n", epoch=3) == KeyRing.of_master(b"k" * 32, 3)
    with pytest.raises(SettingError, match="has 5 characters and needs 32"):
        parse("short")
    with pytest.raises(SettingError, match="can't be printed"):
        parse("\0" * 342)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{}",
        '{"format": "turnlog keys 2"}',
        '{"format": "turnlog keys 1", "epochs": [{"epoch": 1, "valid_from_ms": 0, "seeds": {"": "c0ffee"}}]}',
        '{"format": "turnlog keys 1", "epochs": [{"epoch": 1, "valid_from_ms": 0, "seeds": {"x": "00"}}]}',
        '{"format": "turnlog keys 1", "epochs": []}',
    ],
)
def test_what_is_no_ring_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(SettingError) as caught:
        parse(text)
    assert "c0ffee" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_file_is_made_once_and_for_its_owner_alone(file: KeyFile) -> None:
    before = file.path.read_bytes()
    assert not file.create(new_ring)
    assert file.path.read_bytes() == before
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_a_change_replaces_the_file_whole(file: KeyFile) -> None:
    os.link(file.path, kept := file.path.with_name("old"))
    before = file.read()
    after = file.change(rotated)
    assert file.read() == after == rotated(before).__class__((*before.epochs, after.epochs[-1]))
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert parse(kept.read_text()) == before
    assert {each.name for each in file.path.parent.iterdir()} == {"pseudonym.key", "pseudonym.key.lock", "old"}


def test_a_refused_change_leaves_all_as_it_was(file: KeyFile) -> None:
    before = file.path.read_bytes()
    with pytest.raises(UserError, match="no epoch 7"):
        file.change(lambda ring: ring.without_epoch(7, 1))
    assert file.path.read_bytes() == before
    with pytest.raises(SettingError, match="No such file"):
        KeyFile(file.path.with_name("none")).change(rotated)


def test_what_is_destroyed_is_written_over(file: KeyFile) -> None:
    os.link(file.path, old := file.path.with_name("old"))
    file.change(lambda ring: ring.without_tenant("acme", 1), shred=True)
    assert set(old.read_bytes()) == {0}
    assert file.read().at(None).key_of("acme") is None


def test_a_link_to_the_file_stays_one(file: KeyFile) -> None:
    link = file.path.with_name("link")
    link.symlink_to(file.path)
    KeyFile(link).change(rotated)
    assert link.is_symlink()
    assert file.read().epochs[-1].number == 2


def test_processes_that_rotate_at_once_wait_for_each_other(file: KeyFile) -> None:
    one = (
        "import sys; from pathlib import Path; from turnlog.processors.keys import KeyFile, new_key\n"
        "def turn(ring):\n"
        "    last = ring.epochs[-1]\n"
        "    return ring.rotated(new_key(last.number + 1), last.valid_from_ms + 1, last.valid_from_ms + 2)\n"
        "for _ in range(5): KeyFile(Path(sys.argv[1])).change(turn)\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", one, str(file.path)]) for _ in range(3)]
    assert [each.wait(60) for each in running] == [0, 0, 0]
    assert [each.number for each in file.read().epochs] == list(range(1, 17))


def test_a_changed_file_is_noticed_and_an_unreadable_one_waited_for(file: KeyFile) -> None:
    watched = WatchedKeys(file)
    assert watched.ring() is watched.ring()
    after = file.change(rotated)
    assert watched.ring() == after
    whole = file.path.read_bytes()
    file.path.write_bytes(b"{")
    with pytest.raises(TransientError, match="changed and can't be read"):
        watched.ring()
    file.path.unlink()
    with pytest.raises(TransientError, match="No such file"):
        watched.ring()
    file.path.write_bytes(whole)
    assert watched.ring() == after


def test_settings_name_the_keys(file: KeyFile) -> None:
    ring = file.read()
    assert key_source("k" * 32, file.path).ring() == key_source(dump(ring)).ring() == ring
    with pytest.raises(SettingError, match="no key for pseudonyms"):
        key_source()
    with pytest.raises(SettingError, match="TURNLOG_PSEUDONYM_KMS: keyservice:nothing: AttributeError"):
        key_source("k" * 32, service="keyservice:nothing")


def test_with_a_service_the_file_holds_half_of_every_key(tmp_path: Path) -> None:
    service = keyservice.LocalService()
    file = KeyFile(tmp_path / "key", service)
    file.create(lambda: new_ring(service))
    key = file.read().at(None).key
    assert isinstance(key, TreeKey)
    assert key.share
    assert key.share.hex() not in file.path.read_text()
    assert key.of("acme") is not None
    with pytest.raises(SettingError, match="set TURNLOG_PSEUDONYM_KMS"):
        KeyFile(file.path).read()
    service.away = True
    with pytest.raises(TransientError, match="did not unwrap a key: ConnectionError"):
        file.read()
    service.away = False
    file.change(lambda ring: ring.rotated(new_key(2, service), 1, 2).without_tenant("acme", 3, 1))
    assert [each.key_of("other") is None for each in file.read().epochs] == [False, False]
    service.destroyed.add("turnlog pseudonyms epoch 1")
    assert [each.key_of("other") is None for each in file.read().epochs] == [True, False]
    file.change(rotated)
    service.destroyed.clear()
    assert file.read().epoch(1).key_of("other") is not None


def test_the_file_shows_who_has_no_key_and_nothing_that_leads_to_it(file: KeyFile) -> None:
    before = re.findall("[0-9a-f]{64}", file.path.read_text())
    file.change(lambda ring: ring.without_tenant("acme", 5))
    (epoch,) = json.loads(file.path.read_text())["epochs"]
    assert epoch["tenants_destroyed_ms"] == {"acme": 5}
    assert not set(before) & set(epoch["seeds"].values())
