"""Asks somebody's object something: any code of its own may answer, and fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def answer(question: Callable[[], _T], otherwise: _T) -> _T:
    """Return what an object answers, or something else if it fails at being asked; never raises."""
    try:
        return question()
    except Exception:  # noqa: BLE001 - whatever it is, it is the object's, and no business of who logs
        return otherwise
