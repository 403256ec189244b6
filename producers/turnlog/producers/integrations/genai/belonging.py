"""Where a record belongs: conversation, turn, user and tenant, by the names that frameworks have for them."""

from __future__ import annotations

from turnlog.producers.integrations.genai.reading import text
from turnlog.producers.integrations.genai.values import Attributes
from turnlog.producers.kinds import Fields

_ASSOCIATED = "traceloop.association.properties."

_NAMES = {
    "conversation_id": (
        "turnlog.conversation_id",
        "gen_ai.conversation.id",
        f"{_ASSOCIATED}conversation_id",
        f"{_ASSOCIATED}chat_id",
        f"{_ASSOCIATED}thread_id",
        f"{_ASSOCIATED}session_id",
        "langfuse.session.id",
        "session.id",
    ),
    "session_id": ("turnlog.session_id", "session.id", "langfuse.session.id", f"{_ASSOCIATED}session_id"),
    "user_key": (
        "turnlog.user_key",
        "user.id",
        "enduser.id",
        "langfuse.user.id",
        f"{_ASSOCIATED}user_id",
    ),
    "turn_id": ("turnlog.turn_id",),
    "request_id": ("turnlog.request_id",),
    "tenant": ("turnlog.tenant",),
    "model_version_id": ("turnlog.model_version_id",),
    "deployment_id": ("turnlog.deployment_id",),
    "variant": ("turnlog.variant",),
}

BELONGING = frozenset(name for names in _NAMES.values() for name in names)
"""Attributes that say where a record belongs."""


def belonging_of(attributes: Attributes) -> Fields:
    """Return the fields that say where a record belongs, those that are known."""
    return {field: said for field, names in _NAMES.items() if (said := text(attributes, *names)) is not None}
