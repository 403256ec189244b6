"""What the client calls itself in events."""

from __future__ import annotations

from functools import cache

SDK_NAME = "turnlog-python"


@cache
def sdk_version() -> str:
    """Return the installed version of turnlog."""
    # Reading a package's metadata takes half of the standard library's email package; an import should not.
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - same

    try:
        return version("turnlog")
    except PackageNotFoundError:
        return "unknown"
