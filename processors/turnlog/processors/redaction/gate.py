"""Tells in one pass where rules may match, so that clean text costs one scan and nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

import hyperscan

from turnlog.processors.redaction import gate_cache
from turnlog.schemas import SettingError

Hit = tuple[int, int, int]
"""Index of an expression, and where in the bytes its match starts and ends."""

HITS_ALLOWED = 4096
BYTES_PER_HIT = 40
"""A text may have so many hits, and one more for so many bytes. What has more is no text but made to cost time."""


class Report(Enum):
    """How much to know of an expression's matches; less costs less."""

    BOTH = hyperscan.HS_FLAG_SOM_LEFTMOST
    END = 0
    ONCE = hyperscan.HS_FLAG_SINGLEMATCH


class Expression(NamedTuple):
    """A Hyperscan expression over UTF-8 bytes.

    Attributes:
        pattern: The expression.
        caseless: Whether the case of ASCII letters does not matter.
        report: What to know of its matches: where each starts and ends, only where each ends (its start is then 0), or
            only that there is one.
    """

    pattern: str
    caseless: bool = False
    report: Report = Report.BOTH


class Gate:
    """Expressions compiled into one Hyperscan database; not to be used by two threads at once.

    Args:
        expressions: The expressions.
        ids: What their matches are told by; by default each expression's index. Several may have the same.

    Raises:
        SettingError: If one of them is not an expression that Hyperscan takes; names it.
    """

    def __init__(self, expressions: Sequence[Expression], ids: Sequence[int] | None = None) -> None:
        self._empty = not expressions
        if self._empty:
            return
        try:
            database = _compiled(tuple(expressions), tuple(range(len(expressions)) if ids is None else ids))
        except hyperscan.error as error:
            raise SettingError(f"a rule's gate does not compile: {_culprit(expressions)}: {error}") from error
        # A database may be shared, what a scan writes to may not.
        self._scratch = hyperscan.Scratch(database)
        self._scan = database.scan

    def hits(self, data: bytes) -> list[Hit] | None:
        """Return where expressions match, in the order of their ends, or None if that is too often."""
        if self._empty:
            return []
        hits: list[Hit] = []
        most = HITS_ALLOWED + len(data) // BYTES_PER_HIT

        def on_match(index: int, start: int, end: int, flags: int, context: object) -> bool | None:  # noqa: ARG001 - its signature
            hits.append((index, start, end))
            return len(hits) > most or None

        try:
            self._scan(data, match_event_handler=on_match, scratch=self._scratch)
        except hyperscan.ScanTerminated:
            return None
        return hits


@lru_cache(maxsize=32)
def _compiled(expressions: tuple[Expression, ...], ids: tuple[int, ...]) -> hyperscan.Database:
    """Return a database of expressions; compiling many takes seconds, if it isn't kept from another time."""
    patterns, flags = [each.pattern.encode() for each in expressions], []
    for each in expressions:
        caseless = hyperscan.HS_FLAG_CASELESS if each.caseless else 0
        flags.append(hyperscan.HS_FLAG_DOTALL | caseless | each.report.value)
    name, folder = gate_cache.key(patterns, flags, ids), gate_cache.folder()
    kept = gate_cache.load(folder, name) if folder else None
    if kept is not None:
        return kept
    database = hyperscan.Database()
    database.compile(expressions=patterns, ids=ids, flags=flags)
    if folder:
        gate_cache.store(folder, name, database)
    return database


def _culprit(expressions: Sequence[Expression]) -> str:
    for each in expressions:
        try:
            _compiled((each,), (0,))
        except hyperscan.error:
            return each.pattern
    return "all together"
