"""Structured logging of the sink workers."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog


def configure(level: str, log_format: str) -> None:
    """Log to stderr, as JSON lines or for people."""
    people = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer() if people else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def logger() -> Any:
    """Return the workers' logger."""
    return structlog.get_logger("turnlog.sinks")


class Changes:
    """Logs when something stops or starts to work, not every time that it does not.

    Args:
        log: Where to.
    """

    def __init__(self, log: Any) -> None:
        self._log = log
        self._trouble: dict[str, str] = {}

    def failed(self, what: str, why: str) -> None:
        """Note that something does not work; the first time, and when the kind of trouble changes, it is logged."""
        kind = why[:60]
        if self._trouble.get(what) != kind:
            self._trouble[what] = kind
            self._log.warning(f"{what}: waiting", why=why)

    def works(self, what: str) -> None:
        """Note that something works; logged if it did not before."""
        if self._trouble.pop(what, None) is not None:
            self._log.info(f"{what}: works again")
