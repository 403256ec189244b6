"""What a policy writes in the place of a find: a token, its last signs, or its type alone."""

from __future__ import annotations

from collections.abc import Mapping

from turnlog.processors.redaction.contracts import Tokens, TokenSource
from turnlog.processors.redaction.pseudonyms import TOKEN_DIGITS

KEPT = 4
"""Signs that a masked value keeps, if it has enough of them."""

ENOUGH = 10
"""Letters and digits that it must have: of a shorter one, what is kept would be too much of it."""


class PolicyTokens:
    """Gives the tokens of a policy.

    Args:
        source: Makes tokens.
        types: What is done with each type.
    """

    def __init__(self, source: TokenSource, types: Mapping[str, str]) -> None:
        self._source = source
        self._types = types

    def at(self, time_us: int | None) -> Tokens:
        """Return what makes the tokens of a record that the broker took at this time."""
        return _Replacing(self._source.at(time_us), self._types)


class _Replacing:
    """Replaces the finds of one record."""

    __slots__ = ("_tokens", "_types")

    def __init__(self, tokens: Tokens, types: Mapping[str, str]) -> None:
        self._tokens = tokens
        self._types = types

    def token(self, kind: str, value: str, tenant: str, digits: int = TOKEN_DIGITS) -> str:
        action = self._types.get(kind, "token")
        if action == "label":
            return f"<{kind}>"
        return masked(kind, value) if action == "masked" else self._tokens.token(kind, value, tenant, digits)


def masked(kind: str, value: str) -> str:
    """Return a value with all but its last letters and digits left out, such as ``<CARD:****1111>``."""
    signs = [each for each in value if each.isascii() and each.isalnum()]
    return f"<{kind}:****{''.join(signs[-KEPT:]) if len(signs) >= ENOUGH else ''}>"
