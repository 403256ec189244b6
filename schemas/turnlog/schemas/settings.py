"""How every stage tells of a variable of the environment that can't be right. Needs no pydantic itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from turnlog.schemas.errors import SettingError


def wrong_setting(prefix: str, errors: Sequence[Mapping[str, Any]]) -> SettingError:
    """Return the error that names the first variable at fault; it does not show what the variable holds.

    Args:
        prefix: Stands before every variable's name, such as ``TURNLOG_``.
        errors: What pydantic found: a ValidationError's ``errors()``.
    """
    first = errors[0]
    return SettingError(f"{prefix}{'_'.join(str(each) for each in first['loc']).upper()}: {first['msg']}")
