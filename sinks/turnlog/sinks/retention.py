"""How long rows are kept: days by class, and the TTL expressions of every table.

A row's age counts from when the broker took its raw event (``source_time``). That is the one clock which neither a
wrong client clock nor the import of old conversations can move: counted from the event's own time, a log imported today
but written last year would be gone at the first merge.

``ttl_only_drop_parts`` is off where rows have a retention of their own: one row that is kept for years would keep its
whole part, and texts that are to go after a month would stay as long as the rows. Parts in which everything has expired
are dropped whole all the same, without being rewritten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from turnlog.schemas import wrong_setting

Days = Annotated[int, Field(ge=1, le=20_000)]


class Retention(BaseSettings):
    """Days to keep rows, by class; each is read from ``TURNLOG_RETENTION_<NAME>``.

    Attributes:
        bodies: Texts of calls and steps; the rest of their rows stays.
        calls: Model calls.
        steps: Steps.
        logs: Log lines of type info and error.
        debug: Log lines of type debug.
        security: Log lines of type security.
        scores: Feedback and evaluations.
        deployments: Releases.
        models: Model versions.
        datasets: Datasets.
        audit: Administrative acts; a row's own retention can only lengthen it.
        panes: Ten-second statistics.
        panes_hourly: Hourly statistics.
        rolling: Rolling windows.
        dead_letters: What could not be processed.
        account: Which events of a producer arrived, from its last event on.
        privacy: What people asked for, and what keeps their data erased.
        system_logs: ClickHouse's own log tables.
    """

    model_config = SettingsConfigDict(env_prefix="TURNLOG_RETENTION_", extra="ignore", frozen=True)

    bodies: Days = 30
    calls: Days = 183
    steps: Days = 183
    logs: Days = 183
    debug: Days = 3
    security: Days = 400
    scores: Days = 183
    deployments: Days = 3653
    models: Days = 3653
    datasets: Days = 3653
    audit: Days = 2557
    panes: Days = 14
    panes_hourly: Days = 731
    rolling: Days = 14
    dead_letters: Days = 183
    account: Days = 400
    privacy: Days = 3653
    system_logs: Days = 14

    @classmethod
    def read(cls) -> Retention:
        """Read the days from the environment.

        Raises:
            SettingError: If one of them can't be right; names the first such.
        """
        try:
            return cls()
        except ValidationError as error:
            raise wrong_setting("TURNLOG_RETENTION_", error.errors()) from error


_FAR = "toDateTime('2106-01-01 00:00:00', 'UTC')"


def _own(days: int) -> str:
    """From the broker's time on: the row's own days, else the class's; a hold stops it."""
    return _after(f"ifNull(retention_days, {days})")


def _longer(days: int) -> str:
    """The same, where a row can ask for longer but not for shorter."""
    return _after(f"greatest(ifNull(retention_days, 0), {days})")


def _after(days: str) -> str:
    # A condition inside the expression, not DELETE WHERE: only an unconditional TTL lets whole parts be dropped. The
    # bounds keep a client's number from running over the end of DateTime, which would mean the past.
    return f"if(hold = 1, {_FAR}, toDateTime(source_time, 'UTC') + toIntervalDay(least(greatest({days}, 0), 20000)))"


def _since(time: str) -> Callable[[int], str]:
    return lambda days: f"{time} + toIntervalDay({days})"


_RULES: Mapping[str, tuple[str, Callable[[int], str]]] = {
    "bodies": ("bodies", _own),
    "calls": ("calls", _own),
    "steps": ("steps", _own),
    "logs": ("logs", _own),
    "debug": ("debug", _own),
    "security": ("security", _own),
    "scores": ("scores", _own),
    "deployments": ("deployments", _own),
    "model_versions": ("models", _own),
    "datasets": ("datasets", _own),
    "audit": ("audit", _longer),
    "panes_versions": ("panes", _since("toDateTime(greatest(pane_start, generation), 'UTC')")),
    "panes_hourly_versions": ("panes_hourly", _since("closed_date")),
    "rolling_versions": ("rolling", _since("stored_time")),
    "dead_letters": ("dead_letters", _since("toDateTime(dead_time, 'UTC')")),
    "account_parts": ("account", _since("toDateTime(last_time, 'UTC')")),
    "privacy_requests": ("privacy", _since("toDateTime(changed_time, 'UTC')")),
    "privacy_marks": ("privacy", _since("made_time")),
    "privacy_erased": ("privacy", _since("noted_time")),
}
"""Table (or ``bodies``) → the class whose days it takes, and the expression made of them."""

TABLES = tuple(name for name in _RULES if name != "bodies")
BODY_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "calls": ("system_instructions", "input_messages", "output_messages", "tool_definitions"),
    "steps": ("input", "output", "documents"),
}
"""Columns that are emptied after the days of ``bodies``."""


def expression(name: str, retention: Retention) -> str:
    """Return the TTL expression of a table, or that of ``bodies``.

    Raises:
        KeyError: If there is no such table.
    """
    days, rule = _RULES[name]
    return rule(getattr(retention, days))


def kept_days(tables: Iterable[str], retention: Retention | None = None) -> dict[str, str]:
    """Return how long tables keep their rows, in words; for ClickHouse's own log tables, that of those.

    Args:
        tables: Their names.
        retention: The settings; by default those of the environment.
    """
    settings = retention or Retention.read()
    found = {}
    for table in tables:
        days = getattr(settings, _RULES[table][0] if table in _RULES else "system_logs")
        texts = f", texts {settings.bodies} d" if table in BODY_COLUMNS else ""
        found[table] = f"{days} d{texts}"
    return found
