"""Tokens that stand for a value: the same one for the same value within a tenant and a key epoch, and no way back."""

from __future__ import annotations

import hmac
from functools import lru_cache

TOKEN_DIGITS = 8
"""Hexadecimal digits of a token in running text, where it tells apart the people of one conversation."""

USER_DIGITS = 16
"""Hexadecimal digits of a user's token. Rows are counted and erased by it, so two users of a tenant must not share one:
with 64 bits that has odds of one in a million among six million users."""


class Pseudonyms:
    """Makes tokens such as ``<EMAIL:k1-9f2c71ab>``.

    The key of a tenant and epoch is derived from the master key by HMAC-SHA256, as HKDF-Expand does (RFC 5869, with the
    master key as PRK, which is why it must be random).

    Args:
        master: The master key.
        epoch: The key epoch that new tokens belong to, from 1.
    """

    def __init__(self, master: bytes, epoch: int = 1) -> None:
        self.epoch = epoch
        self._master = master
        self._key = lru_cache(maxsize=4096)(self._derive)
        self.token = lru_cache(maxsize=8192)(self._token)
        self.token = lru_cache(maxsize=8192)(self._token)

    def _token(self, kind: str, value: str, tenant: str, digits: int = TOKEN_DIGITS) -> str:
        """Return the token of a value; the latest ones are remembered.

        Args:
            kind: What it is, such as EMAIL; part of what is hashed.
            value: Its canonical form.
            tenant: Whose data it is.
            digits: How many hexadecimal digits to show.
        """
        message = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
        digest = hmac.digest(self._key(tenant), message, "sha256")
        return f"<{kind}:k{self.epoch}-{digest.hex()[:digits]}>"

    def _derive(self, tenant: str) -> bytes:
        info = f"turnlog pseudonyms\0{self.epoch}\0{tenant}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._master, info + b"\x01", "sha256")
