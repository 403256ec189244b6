"""A key management service, where one keeps half of every key: what is on disk is then of no use by itself."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from turnlog.schemas import SettingError, TransientError


class KeyService(Protocol):
    """Wraps and unwraps small keys, as the services of cloud providers do.

    Both calls may block, and may raise anything when the service can't be reached: that is tried again.
    """

    def wrap(self, key: bytes, context: str) -> bytes:
        """Return a key of 32 bytes, wrapped so that only :meth:`unwrap` with the same context gives it back.

        Args:
            key: The key.
            context: What it is for, such as ``turnlog pseudonyms epoch 3``: authenticated, not secret.
        """

    def unwrap(self, wrapped: bytes, context: str) -> bytes | None:
        """Return what was wrapped, or None if the service has destroyed what that takes: the epoch is then gone."""


def load_service(name: str) -> KeyService:
    """Return what a factory makes: the adapter to a service.

    Args:
        name: ``module:factory``; the factory takes no arguments and reads its own settings.

    Raises:
        SettingError: If there is no such factory, or it fails.
    """
    module, _, factory = name.partition(":")
    try:
        return cast("KeyService", getattr(import_module(module), factory)())
    except Exception as error:
        raise SettingError(f"TURNLOG_PSEUDONYM_KMS: {name}: {type(error).__name__}: {error}") from error


def context_of(epoch: int) -> str:
    """Return what an epoch's half is wrapped with."""
    return f"turnlog pseudonyms epoch {epoch}"


def wrapped(service: KeyService, share: bytes, epoch: int) -> bytes:
    """Have an epoch's half wrapped.

    Raises:
        TransientError: If the service does not do it.
    """
    try:
        return service.wrap(share, context_of(epoch))
    except Exception as error:
        raise TransientError(f"the key service did not wrap a key: {type(error).__name__}") from error


def unwrapped(service: KeyService, share: bytes, epoch: int) -> bytes | None:
    """Have an epoch's half unwrapped; None if it is gone for good.

    Raises:
        TransientError: If the service does not answer.
    """
    try:
        return service.unwrap(share, context_of(epoch))
    except Exception as error:
        raise TransientError(f"the key service did not unwrap a key: {type(error).__name__}") from error
