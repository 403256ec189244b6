"""Errors of the sinks, on the branches of the one tree in :mod:`turnlog.schemas.errors`."""

from __future__ import annotations

from turnlog.schemas import PoisonError, TransientError, UserError


class MigrationError(UserError):
    """The database's migrations and this version's contradict each other."""


class UnavailableError(TransientError):
    """ClickHouse is away, busy or not migrated yet.

    Attributes:
        code: ClickHouse's error code, where it gave one.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class RefusedDataError(PoisonError):
    """ClickHouse can't take some row of a batch.

    Attributes:
        code: ClickHouse's error code.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class PositionError(UserError):
    """A committed offset carries metadata that is not of this group's making."""
