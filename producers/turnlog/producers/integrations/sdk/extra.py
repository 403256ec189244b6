"""What code around a wrapped SDK's call says of it beyond what the SDK is told."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Unpack

from turnlog.producers.fields import CallFields
from turnlog.producers.operations.operation import attributes_of

_extra: ContextVar[Mapping[str, Any]] = ContextVar("turnlog_call_fields", default={})  # noqa: B039 - never changed


@contextmanager
def call_fields(**fields: Unpack[CallFields]) -> Generator[None, None, None]:
    """Add to every call that a wrapped SDK makes inside this ``with`` block.

    Such as ``prompt_name``, ``prompt_version``, ``agent_name``, ``variant`` or ``attributes``. What is said here wins
    over what the wrapper knows; blocks inside one another add up, and attributes are joined.
    """
    around = _extra.get()
    token = _extra.set(joined(around, fields))
    try:
        yield
    finally:
        with suppress(ValueError):  # a generator that was entered in one context and closed in another
            _extra.reset(token)


def joined(known: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields together, the later one of a name, but attributes of both."""
    if not more:
        return {**known}
    both = {**known, **more}
    if "attributes" in known and "attributes" in more:
        both["attributes"] = attributes_of(known["attributes"], more["attributes"])
    return both


def extra_fields() -> Mapping[str, Any]:
    """Return what the code around has said."""
    return _extra.get()
