"""Whether, where and how much a client may keep on disk, as one checked value."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from turnlog.schemas import SettingError

_LEAST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Spool:
    """A directory in which clients keep what Kafka does not take, until it does; several processes may share one.

    It holds raw texts, personal data among them: folders and files are for their owner alone. It needs the file locks
    of POSIX.

    Attributes:
        path: The directory; made when it is missing. Best on a disk of the machine itself.
        max_bytes: About how many bytes all processes together may keep there. Debug lines are refused above three
            quarters of it; security events and what the catalogue needs are taken as long as the disk takes them.
        max_age: Seconds after which an event is dropped instead of sent, those of the highest priority excepted.
    """

    path: Path
    max_bytes: int = 1024 * 1024 * 1024
    max_age: float = 24 * 3600.0

    def __init__(self, path: Path | str, *, max_bytes: int = 1024 * 1024 * 1024, max_age: float = 24 * 3600.0) -> None:
        """Refuse what can't work; touches no file.

        Raises:
            SettingError: If a value can't be right, or the platform has no file locks.
        """
        if not isinstance(path, str | os.PathLike) or not str(path):
            raise SettingError(f"spool must be a directory's path, not {path!r} (TURNLOG_SPOOL)")
        if isinstance(max_bytes, bool) or not isinstance(max_bytes, int) or max_bytes < _LEAST_BYTES:
            raise SettingError(f"spool max_bytes is {max_bytes!r}; give at least 4 MiB (TURNLOG_SPOOL_BYTES)")
        if (
            isinstance(max_age, bool)
            or not isinstance(max_age, int | float)
            or not math.isfinite(max_age)
            or max_age <= 0
        ):
            raise SettingError(f"spool max_age must be seconds above zero, not {max_age!r} (TURNLOG_SPOOL_AGE)")
        if os.name != "posix":
            raise SettingError("a spool needs the file locks of POSIX: leave it out on this platform (TURNLOG_SPOOL)")
        # Absolute: a chatbot that changes its directory still means the same one.
        object.__setattr__(self, "path", Path(path).absolute())
        object.__setattr__(self, "max_bytes", max_bytes)
        object.__setattr__(self, "max_age", float(max_age))

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Spool | None:
        """Read ``TURNLOG_SPOOL``, ``TURNLOG_SPOOL_BYTES`` and ``TURNLOG_SPOOL_AGE`` (seconds); None without the first.

        Raises:
            SettingError: If one of them can't be right.
        """
        env = os.environ if environ is None else environ
        path = env.get("TURNLOG_SPOOL")
        if not path:
            return None
        given: dict[str, float] = {}
        for name, key in (("max_bytes", "TURNLOG_SPOOL_BYTES"), ("max_age", "TURNLOG_SPOOL_AGE")):
            text = env.get(key)
            if text:
                try:
                    given[name] = int(text) if name == "max_bytes" else float(text)
                except ValueError as error:
                    raise SettingError(f"{key} must be a number, not {text!r}") from error
        return cls(path, **given)  # type: ignore[arg-type] # int for the one, float for the other, as made above
