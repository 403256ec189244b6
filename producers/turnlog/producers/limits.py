"""How much a client may hold, and how long it may take, as one checked value."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from turnlog.schemas import MAX_RECORD_BYTES, SettingError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on a client's memory and time.

    Attributes:
        queue_events: Events that wait for the background thread. Debug lines are refused above three quarters of it,
            security events and what the catalogue needs only above one and a quarter.
        queue_bytes: About how many bytes these may have; as much again may wait inside the Kafka client.
        record_bytes: Largest encoded event; what is larger when its long texts have been cut is dropped and counted as
            ``too_large``.
        linger: Seconds that the Kafka client waits for a batch to fill.
        delivery_timeout: Seconds to keep trying to deliver an event; then it is counted as ``undelivered``.
        exit_timeout: Seconds that the end of the process waits for a client that was not closed.
        report_interval: Seconds between two reports of losses, to the ``turnlog`` logger and in-band.
    """

    queue_events: int = 50_000
    queue_bytes: int = 64 * 1024 * 1024
    record_bytes: int = MAX_RECORD_BYTES
    linger: float = 0.02
    delivery_timeout: float = 300.0
    exit_timeout: float = 5.0
    report_interval: float = 60.0

    def __post_init__(self) -> None:
        """Refuse what can't work.

        Raises:
            SettingError: If a limit is no number, not positive, or above what Kafka takes.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
                raise SettingError(f"limit {field.name} must be a number above zero, not {value!r}")
        if self.record_bytes > MAX_RECORD_BYTES:
            raise SettingError(f"limit record_bytes is {self.record_bytes}; topics take at most {MAX_RECORD_BYTES}")
        if not 1024 * 1024 <= self.queue_bytes <= 2**40:
            raise SettingError(f"limit queue_bytes is {self.queue_bytes}; give at least a mebibyte")
        if self.linger >= self.delivery_timeout:
            raise SettingError("limit linger must be below delivery_timeout")
