import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnlog.processors.keys import Epoch, KeyRing, MasterKey, Tree, TreeKey
from turnlog.schemas import SettingError, UserError


def key(number: int) -> TreeKey:
    return TreeKey(Tree({"": bytes([number]) * 32}))


RING = KeyRing((Epoch(1, 0, key(1)), Epoch(2, 1000, key(2)), Epoch(5, 2000, key(5))))


@given(st.integers(min_value=-10, max_value=5000))
def test_the_brokers_time_alone_says_the_epoch(time_ms: int) -> None:
    epoch = RING.at(time_ms)
    assert epoch.number == (5 if time_ms >= 2000 else 2 if time_ms >= 1000 else 1)
    later = RING.rotated(key(6), 2500, 6000).without_tenant("acme", 2600).without_epoch(1, 2700)
    assert later.at(time_ms).number == epoch.number


def test_rotation_waits_for_its_time_and_comes_once() -> None:
    ring = RING.rotated(key(6), 3000, 4000)
    assert (ring.at(3999).number, ring.at(4000).number, ring.at(None).number) == (5, 6, 6)
    with pytest.raises(UserError, match="epoch 6 has been made"):
        ring.rotated(key(7), 3500, 5000)
    with pytest.raises(UserError, match="must begin after"):
        RING.rotated(key(7), 3500, 2000)


def test_an_epoch_is_destroyed_whole_once_the_next_has_begun() -> None:
    ring = RING.without_epoch(2, 3000)
    gone = ring.epoch(2)
    assert (gone.key, gone.destroyed_ms, gone.key_of("acme")) == (None, 3000, None)
    assert ring.epoch(1).key_of("acme") == RING.epoch(1).key_of("acme")
    for number, reason in ((2, "destroyed already"), (5, "in use"), (9, "there is no epoch 9")):
        with pytest.raises(UserError, match=reason):
            ring.without_epoch(number, 3000)
    with pytest.raises(UserError, match="in use or will be"):
        RING.rotated(key(6), 3000, 4000).without_epoch(6, 3000)


def test_a_tenants_keys_are_destroyed_alone() -> None:
    ring = RING.without_tenant("acme", 3000)
    assert [each.key_of("acme") for each in ring.epochs] == [None, None, None]
    assert [each.key_of("other") for each in ring.epochs] == [each.key_of("other") for each in RING.epochs]
    assert ring.epochs[0].tenants_destroyed_ms == {"acme": 3000}
    one = RING.without_tenant("acme", 3000, 2)
    assert [each.key_of("acme") is None for each in one.epochs] == [False, True, False]
    with pytest.raises(UserError, match="no key of acme"):
        ring.without_tenant("acme", 3000)


def test_a_master_key_can_only_go_whole() -> None:
    ring = KeyRing.of_master(b"k" * 32)
    with pytest.raises(UserError, match="epoch 1 has one key for all tenants"):
        ring.without_tenant("acme", 1)
    assert ring.rotated(key(2), 1, 2).without_epoch(1, 3).epoch(1).key is None


def test_a_master_key_had_earlier_epochs_and_takes_them_along() -> None:
    ring = KeyRing.of_master(b"k" * 32, 3)
    assert [ring.at(time_ms).number for time_ms in (0, 5, None)] == [3, 3, 3]
    assert ring.epoch(1).key_of("acme") == KeyRing.of_master(b"k" * 32).epoch(1).key_of("acme")
    with pytest.raises(UserError, match="the key of epoch 1 is in use"):
        ring.without_epoch(1, 5)
    later = ring.rotated(key(4), 5, 10).without_epoch(1, 11)
    assert [each.key is None for each in later.epochs] == [True, True, True, False]


def test_rings_out_of_order_are_refused() -> None:
    for epochs in ((), (Epoch(2, 0, key(2)), Epoch(1, 5, key(1))), (Epoch(1, 5, key(1)), Epoch(2, 5, key(2)))):
        with pytest.raises(SettingError):
            KeyRing(epochs)


def test_both_halves_make_a_key() -> None:
    tree = Tree({"": b"s" * 32})
    assert len({TreeKey(tree, share).of("acme") for share in (b"", b"a" * 32, b"b" * 32)}) == 3


def test_no_secret_is_shown() -> None:
    ring = KeyRing((Epoch(1, 0, MasterKey(b"hush" * 8, 1)), Epoch(2, 1, TreeKey(Tree({"": b"hush" * 8}), b"hush" * 8))))
    assert "hush" not in f"{ring!r} {ring.epochs[0].key!r} {ring.epochs[1].key!r}"
