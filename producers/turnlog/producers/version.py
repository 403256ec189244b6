"""What the client calls itself in events."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

SDK_NAME = "turnlog-python"


@cache
def sdk_version() -> str:
    """Return the installed version of turnlog."""
    try:
        return version("turnlog")
    except PackageNotFoundError:
        return "unknown"
