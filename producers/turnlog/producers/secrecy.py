"""Which settings are secrets, and how settings are shown without them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MASKED = "***"
"""What stands for a secret wherever settings are shown."""

_WORDS = ("password", "secret", "token", "jaas", "private", "ssl.key.pem", "oauthbearer.config")


def is_secret(name: str) -> bool:
    """Whether a setting of that name, in librdkafka's spelling or the environment's, is a secret."""
    plain = name.lower().replace("_", ".")
    return any(word in plain for word in _WORDS)


def shown(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options fit to be shown: those that are secrets are masked."""
    return {name: MASKED if is_secret(name) else value for name, value in options.items()}


def without_secrets(message: str, options: Mapping[str, Any]) -> str:
    """Return a message in which no secret of these options stands."""
    for name, value in options.items():
        if is_secret(name) and isinstance(value, str) and value:
            message = message.replace(value, MASKED)
    return message
