"""A small key management service for tests: wraps in memory, forgets on demand, and can be away."""

from __future__ import annotations

import hmac
import secrets


class LocalService:
    """Wraps keys of 32 bytes with a secret of its own."""

    def __init__(self) -> None:
        self.away = False
        self.destroyed: set[str] = set()
        self._secret = secrets.token_bytes(32)

    def wrap(self, key: bytes, context: str) -> bytes:
        self._answer()
        nonce = secrets.token_bytes(16)
        body = self._masked(key, nonce, context)
        return nonce + body + hmac.digest(self._secret, nonce + body + context.encode(), "sha256")

    def unwrap(self, wrapped: bytes, context: str) -> bytes | None:
        self._answer()
        nonce, body, tag = wrapped[:16], wrapped[16:-32], wrapped[-32:]
        assert hmac.compare_digest(tag, hmac.digest(self._secret, nonce + body + context.encode(), "sha256"))
        return None if context in self.destroyed else self._masked(body, nonce, context)

    def _masked(self, key: bytes, nonce: bytes, context: str) -> bytes:
        pad = hmac.digest(self._secret, b"pad" + nonce + context.encode(), "sha256")
        return bytes(one ^ other for one, other in zip(key, pad, strict=True))

    def _answer(self) -> None:
        if self.away:
            raise ConnectionError("away")


def create() -> LocalService:
    """Be a factory that settings name."""
    return LocalService()
