"""Says which extra to install when a stage's dependencies are missing."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from turnlog.schemas.errors import MissingExtraError


def require(stage: str, extra: str, *modules: str) -> None:
    """Check that the modules a stage depends on can be imported.

    Args:
        stage: What was asked for, as the message names it: ``turnlog.sinks``.
        extra: The extra that brings the modules.
        modules: Top-level module names.

    Raises:
        MissingExtraError: If one of them can't be found; the message gives the command that installs it.
    """
    # Faust puts a module without a spec in its place once imported, which find_spec() refuses to look at.
    missing = [name for name in modules if name not in sys.modules and find_spec(name) is None]
    if missing:
        raise MissingExtraError(f"{stage} needs {', '.join(missing)}: pip install 'turnlog[{extra}]'", name=missing[0])
