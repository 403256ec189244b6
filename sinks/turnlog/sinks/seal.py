"""What makes an insert happen exactly once: seals, marks, and the positions that remember both.

Before a batch is inserted, its offsets are sealed: committed, as the metadata of its first offset. The insert carries a
token made of the seal, and ClickHouse drops what comes with a token it knows. A worker that takes a partition over
rebuilds a pending seal's batch from the same offsets and inserts it again with the same token, whether or not the first
insert got through.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from turnlog.sinks.errors import PositionError

MAX_METADATA_BYTES = 4000
"""Brokers take 4096 bytes of metadata with an offset (``offset.metadata.max.bytes``)."""

_VERSION = 1


@dataclass(frozen=True)
class Seal:
    """A range of a partition that is inserted at once, and never cut otherwise again.

    Attributes:
        topic: The topic, prefix included.
        partition: Its partition.
        first: First offset.
        last: Last offset, inclusive.
        table: Where it goes.
        schema: Fingerprint of the writer schema of its rows, in hexadecimal; empty if it has no rows.
    """

    topic: str
    partition: int
    first: int
    last: int
    table: str
    schema: str

    @property
    def token(self) -> str:
        """Return the deduplication token of its insert."""
        return f"{self.topic}:{self.partition}:{self.first}-{self.last}"

    def token_of(self, first: int, last: int) -> str:
        """Return the token of a part of it, for when it can't be inserted whole."""
        return f"{self.token}/{first}-{last}"


Marks = dict[str, int]
"""Source → the highest raw offset that was read from it. The one least recently read comes first."""


def is_new(marks: Marks, source: str, offset: int) -> bool:
    """Tell whether a record lies above its source's mark, and if so, raise the mark.

    Writers repeat a prefix of what they wrote when they are restarted, in the same order; so what is not above the mark
    was read before.
    """
    mark = marks.get(source)
    if mark is not None:
        if offset <= mark:
            return False
        del marks[source]
    marks[source] = offset
    return True


@dataclass(frozen=True)
class Position:
    """How far a partition was read: what is committed with an offset.

    Attributes:
        marks: High-water marks before the offset.
        last: Last offset of the pending seal that begins at the offset, if there is one.
        table: The seal's table.
        schema: The seal's schema.
    """

    marks: Mapping[str, int] = field(default_factory=dict)
    last: int | None = None
    table: str = ""
    schema: str = ""

    def to_metadata(self) -> str:
        """Return it as commit metadata, JSON of at most :data:`MAX_METADATA_BYTES`.

        If there are too many marks, those least recently raised are left out: what could then be read twice is
        what a writer repeats from that source, of which tables keep one.
        """
        marks = dict(self.marks)
        while len(text := self._json(marks)) > MAX_METADATA_BYTES:
            del marks[next(iter(marks))]
        return text

    @classmethod
    def parse(cls, metadata: str | None) -> Position:
        """Read commit metadata; none at all is the start of everything.

        Raises:
            PositionError: If it was not written by this or an earlier version.
        """
        if not metadata:
            return cls()
        try:
            found = json.loads(metadata)
            if found["v"] != _VERSION:
                raise PositionError(f"committed by another version of turnlog, {found['v']!r}: upgrade this one")
            marks = {str(source): int(offset) for source, offset in found["marks"].items()}
            if "last" not in found:
                return cls(marks)
            return cls(marks, int(found["last"]), str(found["table"]), str(found["schema"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PositionError("an offset was committed for this group by something else than turnlog") from error

    def _json(self, marks: Marks) -> str:
        content: dict[str, Any] = {"v": _VERSION, "marks": marks}
        if self.last is not None:
            content |= {"last": self.last, "table": self.table, "schema": self.schema}
        return json.dumps(content, separators=(",", ":"))
