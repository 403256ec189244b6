"""What a validator is and gives."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

NOT_DIGIT = re.compile(r"[^0-9]+")
NOT_ALNUM = re.compile(r"[^0-9A-Za-z]+")


class Found(NamedTuple):
    """A match that a validator took.

    Attributes:
        value: Its canonical form.
        end: Index behind its last character, where that is before the match's own.
    """

    value: str
    end: int | None = None


Validator = Callable[["re.Match[str]", str], Found | None]


def part(match: re.Match[str]) -> str:
    """Return what of a match is to be replaced."""
    pattern = match.re
    return match.group("it") if pattern.groups and "it" in pattern.groupindex else match.group()
