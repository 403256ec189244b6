"""Tokens that stand for a value: the same one for the same value within a tenant and a key epoch, and no way back."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from functools import lru_cache

from turnlog.processors.keys import Epoch, KeyRing

TOKEN_DIGITS = 8
"""Hexadecimal digits of a token in running text, where it tells apart the people of one conversation."""

USER_DIGITS = 16
"""Hexadecimal digits of a user's token. Rows are counted and erased by it, so two users of a tenant must not share one:
with 64 bits that has odds of one in a million among six million users."""


_UNLINKABLE = re.compile("<[A-Z][A-Z_]{1,31}:k[0-9]{1,9}-0{8,32}>")


class Pseudonyms:
    """Makes tokens such as ``<EMAIL:k1-9f2c71ab>``; not to be used by two threads at once.

    Where a tenant's key was destroyed, every value has the token ``<EMAIL:k1-00000000>``, which links nothing.

    Args:
        keys: The key ring; or a master key, for a ring of one epoch.
        epoch: The number of that epoch, from 1.
    """

    def __init__(self, keys: KeyRing | bytes, epoch: int = 1) -> None:
        self._take(KeyRing.of_master(keys, epoch) if isinstance(keys, bytes) else keys)

    def use(self, ring: KeyRing) -> None:
        """Go on with this ring; nothing made with keys of another one is remembered."""
        if ring is not self._ring:
            self._take(ring)

    def at(self, time_us: int | None) -> EpochTokens:
        """Return what makes the tokens of a record.

        Args:
            time_us: When the broker took it, microseconds since 1970 UTC; None for the last epoch of the ring.
        """
        return EpochTokens(self, self._ring.at(None if time_us is None else time_us // 1000))

    def token(self, kind: str, value: str, tenant: str, digits: int = TOKEN_DIGITS) -> str:
        """Return the token of a value in the last epoch of the ring.

        Args:
            kind: What it is, such as EMAIL; part of what is hashed.
            value: Its canonical form.
            tenant: Whose data it is.
            digits: How many hexadecimal digits to show.
        """
        return self._tokens(self._ring.epochs[-1].number, kind, value, tenant, digits)

    def token_in(self, epoch: Epoch, kind: str, value: str, tenant: str, digits: int = TOKEN_DIGITS) -> str:
        """Return the token of a value in an epoch of the ring; the latest ones are remembered."""
        return self._tokens(epoch.number, kind, value, tenant, digits)

    def every_token(self, kind: str, value: str, tenant: str, digits: int = TOKEN_DIGITS) -> list[str]:
        """Return the tokens that stand for a value under every epoch whose key still exists, newest first.

        What was written under a key that is destroyed can't be found by it any more: that is what destroying is for.
        """
        return [
            self.token_in(epoch, kind, value, tenant, digits)
            for epoch in reversed(self._ring.epochs)
            if self._key(epoch.number, tenant) is not None
        ]

    def every_user(self, user: str, tenant: str) -> list[str]:
        """Return the tokens that may stand in ``user_key`` for a user, newest first."""
        return self.every_token("USER", canonical_user(user), tenant, USER_DIGITS)

    def _take(self, ring: KeyRing) -> None:
        self._ring = ring
        # Made anew, and not cleared, so that keys that are gone from the ring are gone from here too.
        self._key: Callable[[int, str], bytes | None] = lru_cache(maxsize=4096)(self._derive)
        self._tokens: Callable[[int, str, str, str, int], str] = lru_cache(maxsize=8192)(self._make)

    def _make(self, epoch: int, kind: str, value: str, tenant: str, digits: int) -> str:
        key = self._key(epoch, tenant)
        if key is None:
            return f"<{kind}:k{epoch}-{'0' * digits}>"
        message = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
        return f"<{kind}:k{epoch}-{hmac.digest(key, message, 'sha256').hex()[:digits]}>"

    def _derive(self, epoch: int, tenant: str) -> bytes | None:
        return self._ring.epoch(epoch).key_of(tenant)


class EpochTokens:
    """Makes the tokens of one record's epoch.

    Args:
        pseudonyms: Whose tokens they are.
        epoch: The epoch.
    """

    __slots__ = ("_epoch", "_pseudonyms")

    def __init__(self, pseudonyms: Pseudonyms, epoch: Epoch) -> None:
        self._pseudonyms = pseudonyms
        self._epoch = epoch

    def token(self, kind: str, value: str, tenant: str, digits: int = TOKEN_DIGITS) -> str:
        """Return the token of a value; see :meth:`Pseudonyms.token`."""
        return self._pseudonyms.token_in(self._epoch, kind, value, tenant, digits)


def is_unlinkable(token: str) -> bool:
    """Tell whether a token stands for everybody whose key is destroyed: nobody can be found by it."""
    return _UNLINKABLE.fullmatch(token) is not None


def canonical_user(user: str) -> str:
    """Return the form of a user's name that tokens are made of."""
    return user.strip().casefold()
