"""How much a worker redacts, and what time that takes; told in its log.

What a single record took is in a header beside it (:mod:`turnlog.schemas.headers`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from turnlog.processors.redaction import Redacts
from turnlog.schemas import Datum

EVERY_SECONDS = 60


class Meter:
    """Redacts records, and says once a minute how many, how fast, and what was found.

    Args:
        redactor: Does it.
        say: Told of it: the event ``redacted`` with ``records``, ``us_per_record`` and ``slowest_us`` (microseconds),
            ``hits`` by type, ``withheld`` records, and ``rules``, the stamp.
        clock_ns: Monotonic, in nanoseconds.
    """

    _slowest: int
    _withheld: int

    def __init__(
        self, redactor: Redacts, say: Callable[..., Any], clock_ns: Callable[[], int] = time.perf_counter_ns
    ) -> None:
        self._redactor = redactor
        self._say = say
        self._clock_ns = clock_ns
        self._begin(clock_ns())

    @property
    def version(self) -> str:
        """The stamp that redacted records carry."""
        return self._redactor.version

    def redact(self, datum: Datum, record: str) -> Datum:
        """Return the record redacted."""
        began = self._clock_ns()
        redacted = self._redactor.redact(datum, record)
        ended = self._clock_ns()
        took = ended - began
        self._records += 1
        self._took += took
        self._slowest = max(self._slowest, took)
        if redacted["redaction_hits"]:
            self._hits.update(redacted["redaction_hits"])
        if redacted["redaction_withheld"]:
            self._withheld += 1
        if ended - self._since > EVERY_SECONDS * 1_000_000_000:
            self._tell(ended)
        return redacted

    def _tell(self, now: int) -> None:
        self._say(
            "redacted",
            records=self._records,
            us_per_record=round(self._took / self._records / 1000, 1),
            slowest_us=self._slowest // 1000,
            hits=dict(self._hits),
            withheld=self._withheld,
            rules=self.version,
        )
        self._begin(now)

    def _begin(self, now: int) -> None:
        self._since = now
        self._records = 0
        self._took = 0
        self._slowest = 0
        self._withheld = 0
        self._hits: Counter[str] = Counter()
