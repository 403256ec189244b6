"""Key epochs: which key a tenant's tokens are made with, and since when."""

from __future__ import annotations

import hmac
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from turnlog.processors.keys.tree import Tree
from turnlog.schemas import SettingError, UserError


class EpochKey(Protocol):
    """The secret of an epoch."""

    def of(self, tenant: str) -> bytes | None:
        """Return a tenant's key, or None if it was destroyed."""

    def without(self, tenant: str) -> EpochKey:
        """Return the secret from which this tenant's key can't be had any more.

        Raises:
            UserError: If it can only be destroyed whole.
        """


@dataclass(frozen=True)
class MasterKey:
    """One key from which those of tenants are derived.

    That is done as by HKDF-Expand (RFC 5869, with the master key as PRK, which is why it must be random).

    Attributes:
        master: The key.
        epoch: Its epoch, part of what is derived.
    """

    master: bytes = field(repr=False)
    epoch: int

    def of(self, tenant: str) -> bytes | None:
        """Return a tenant's key."""
        info = f"turnlog pseudonyms\0{self.epoch}\0{tenant}".encode("utf-8", "surrogatepass")
        return hmac.digest(self.master, info + b"\x01", "sha256")

    def without(self, tenant: str) -> EpochKey:
        """Refuse: whoever has the master key can derive a tenant's at any time.

        Raises:
            UserError: Always.
        """
        raise UserError(
            f"epoch {self.epoch} has one key for all tenants, so {tenant}'s can't be destroyed alone: "
            f"rotate, and destroy epoch {self.epoch} whole"
        )


@dataclass(frozen=True)
class TreeKey:
    """A tree of seeds, from which any tenant's key can be cut out; with a key management service two halves make a key.

    Attributes:
        tree: The seeds.
        share: What the service keeps of it; empty without one, None where the service has destroyed it.
        wrapped: The share as the service has wrapped it.
    """

    tree: Tree
    share: bytes | None = field(default=b"", repr=False)
    wrapped: bytes = field(default=b"", repr=False)

    def of(self, tenant: str) -> bytes | None:
        """Return a tenant's key, or None if it was destroyed."""
        leaf = self.tree.leaf(tenant)
        if leaf is None or self.share is None:
            return None
        info = b"turnlog pseudonyms\0" + tenant.encode("utf-8", "surrogatepass")
        return hmac.digest(hmac.digest(leaf, b"turnlog share\0" + self.share, "sha256"), info, "sha256")

    def without(self, tenant: str) -> EpochKey:
        """Return the key from which this tenant's can't be had any more."""
        return replace(self, tree=self.tree.without(tenant))


@dataclass(frozen=True)
class Epoch:
    """A stretch of time with keys of its own.

    Attributes:
        number: From 1; stands in every token.
        valid_from_ms: From which broker time on records belong to it, milliseconds since 1970 UTC.
        key: Its secret; None once destroyed.
        destroyed_ms: When it was destroyed whole.
        tenants_destroyed_ms: When single tenants' keys were, by tenant.
    """

    number: int
    valid_from_ms: int
    key: EpochKey | None = field(repr=False)
    destroyed_ms: int | None = None
    tenants_destroyed_ms: Mapping[str, int] = field(default_factory=dict)

    def key_of(self, tenant: str) -> bytes | None:
        """Return a tenant's key, or None if it was destroyed."""
        return None if self.key is None else self.key.of(tenant)


@dataclass(frozen=True)
class KeyRing:
    """All epochs, in order of their numbers and times; a value: rotating and destroying return another ring.

    Attributes:
        epochs: At least one.

    Raises:
        SettingError: If there are none, or they are out of order.
    """

    epochs: Sequence[Epoch]

    def __post_init__(self) -> None:
        if not self.epochs:
            raise SettingError("a key ring needs an epoch")
        for one, next_one in zip(self.epochs, self.epochs[1:], strict=False):
            if one.number >= next_one.number or one.valid_from_ms >= next_one.valid_from_ms:
                raise SettingError(f"epoch {next_one.number} must come after epoch {one.number}, in number and time")

    @classmethod
    def of_master(cls, master: bytes, epoch: int = 1) -> KeyRing:
        """Return the ring of one master key: new tokens belong to this epoch, and earlier ones had the same key."""
        return cls(tuple(Epoch(each, each - epoch, MasterKey(master, each)) for each in range(1, epoch + 1)))

    def at(self, time_ms: int | None) -> Epoch:
        """Return the epoch of a record by the time at which the broker took it; None stands for the last epoch.

        The answer depends on that time alone, so a record redacted again later gets the tokens that it had.
        """
        if time_ms is None:
            return self.epochs[-1]
        return self.epochs[max(0, bisect_right(self.epochs, time_ms, key=_valid_from) - 1)]

    def epoch(self, number: int) -> Epoch:
        """Return an epoch by its number.

        Raises:
            UserError: If there is none.
        """
        for each in self.epochs:
            if each.number == number:
                return each
        raise UserError(f"there is no epoch {number}; there are {', '.join(str(each.number) for each in self.epochs)}")

    def rotated(self, key: EpochKey, now_ms: int, valid_from_ms: int) -> KeyRing:
        """Return the ring with one more epoch.

        Args:
            key: Its secret.
            now_ms: The time.
            valid_from_ms: From when on it is used; late enough for every worker to have it by then.

        Raises:
            UserError: If an epoch waits for its time already, or the new one would begin before the last.
        """
        last = self.epochs[-1]
        if last.valid_from_ms > now_ms:
            raise UserError(f"epoch {last.number} has been made and waits for its time; nothing was changed")
        if valid_from_ms <= last.valid_from_ms:
            raise UserError(f"a new epoch must begin after epoch {last.number} did")
        return KeyRing((*self.epochs, Epoch(last.number + 1, valid_from_ms, key)))

    def without_epoch(self, number: int, now_ms: int) -> KeyRing:
        """Return the ring with an epoch's secret gone, and with it every epoch that has the same master key.

        Raises:
            UserError: If there is no such epoch, its key is gone already, or records still get their tokens by it.
        """
        epoch = self.epoch(number)
        if epoch.key is None:
            raise UserError(f"epoch {number} is destroyed already")
        ring = self
        for each in self.epochs:
            if each is not epoch and not _same_master(each.key, epoch.key):
                continue
            if each is self.at(now_ms) or each.valid_from_ms > now_ms:
                raise UserError(f"the key of epoch {number} is in use or will be: rotate, and wait until that begins")
            ring = ring._with(replace(each, key=None, destroyed_ms=now_ms))
        return ring

    def without_tenant(self, tenant: str, now_ms: int, number: int | None = None) -> KeyRing:
        """Return the ring with a tenant's key gone, from one epoch or from all of them.

        Raises:
            UserError: If there is no such epoch, its keys can't be destroyed one by one, or nothing is left to destroy.
        """
        ring = self
        for epoch in self.epochs if number is None else (self.epoch(number),):
            if epoch.key is None or epoch.key_of(tenant) is None:
                continue
            gone = {**epoch.tenants_destroyed_ms, tenant: now_ms}
            ring = ring._with(replace(epoch, key=epoch.key.without(tenant), tenants_destroyed_ms=gone))
        if ring is self:
            raise UserError(f"no key of {tenant} is left to destroy")
        return ring

    def _with(self, changed: Epoch) -> KeyRing:
        return KeyRing(tuple(changed if each.number == changed.number else each for each in self.epochs))


def _same_master(one: EpochKey | None, other: EpochKey | None) -> bool:
    return isinstance(one, MasterKey) and isinstance(other, MasterKey) and one.master == other.master


def _valid_from(epoch: Epoch) -> int:
    return epoch.valid_from_ms
