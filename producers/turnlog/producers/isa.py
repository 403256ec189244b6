"""Type checks that run none of a value's own code, as ``isinstance`` does, which asks it for its ``__class__``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard, TypeVar

T = TypeVar("T")


def is_a(value: object, kind: type[T]) -> TypeGuard[T]:
    """Whether a value is of a class or one derived from it."""
    return issubclass(type(value), kind)


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Whether a value is a mapping."""
    return issubclass(type(value), Mapping)
