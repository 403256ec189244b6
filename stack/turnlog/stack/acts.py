"""Administrative acts of the command line, for the audit trail."""

from __future__ import annotations

from collections.abc import Callable

Record = Callable[[str, str, str], None]
"""Takes an action (``reprocess``), what it was done to, and what is worth knowing of it; never anything personal."""


def record_act(action: str, resource: str, reason: str) -> None:
    """Record an administrative act. The place where the audit trail takes over; until then nothing is kept."""
