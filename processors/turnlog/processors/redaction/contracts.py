"""What the parts of redaction ask of each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from turnlog.processors.redaction.pseudonyms import TOKEN_DIGITS
from turnlog.processors.redaction.rules import Ruleset
from turnlog.processors.redaction.span import Span
from turnlog.schemas import Datum


class Finder(Protocol):
    """Finds personal data and secrets in texts, as :class:`turnlog.processors.redaction.Scanner` does."""

    @property
    def ruleset(self) -> Ruleset:
        """The rules, and the stamp of what is redacted by them."""

    def suspects(self, texts: Sequence[str]) -> Sequence[bool]:
        """Tell of each text whether anything could be found in it; False is certain."""

    def scan(self, text: str) -> Sequence[Span]:
        """Return what was found, in order and without overlaps."""


class Tokens(Protocol):
    """Says what stands in the place of a value."""

    def token(self, kind: str, value: str, tenant: str, digits: int = TOKEN_DIGITS) -> str:
        """Return the token of a value of this kind in its canonical form."""


class TokenSource(Protocol):
    """Gives the tokens of a record's time, as :class:`turnlog.processors.redaction.Pseudonyms` does."""

    def at(self, time_us: int | None) -> Tokens:
        """Return what makes the tokens of a record that the broker took at this time."""


class Redacts(Protocol):
    """Redacts records, as :class:`turnlog.processors.redaction.Redactor` does."""

    @property
    def version(self) -> str:
        """The stamp that redacted records carry."""

    def redact(self, datum: Datum, record: str) -> Datum:
        """Return a record with everything found replaced."""
