"""Warnings about someone's code that fails with every event: told once in a while."""

from __future__ import annotations

import logging
import time

_logger = logging.getLogger("turnlog")
_SECONDS = 60.0


class Seldom:
    """Tells the operator something at most once a minute; for one thread."""

    def __init__(self) -> None:
        self._told_at: float | None = None

    def warn(self, message: str, *values: object) -> None:
        """Log a warning, unless there was one within the last minute.

        Args:
            message: What to say, never a text of an event.
            values: What stands for ``%s`` in it.
        """
        now = time.monotonic()
        if self._told_at is None or now - self._told_at >= _SECONDS:
            self._told_at = now
            _logger.warning(message, *values)
