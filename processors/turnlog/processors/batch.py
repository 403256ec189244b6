"""What an agent is handed: the records of one partition that one poll brought, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

RawHeaders = Sequence[tuple[str, bytes]]


class RawRecord(NamedTuple):
    """One Kafka message as bytes.

    Attributes:
        offset: Its position in the partition.
        timestamp_ms: When the broker took it, milliseconds since 1970 UTC.
        key: Its key.
        value: Its payload.
        headers: Its headers, in order.
    """

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: RawHeaders = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition, in order of their offsets; never empty.

    Attributes:
        topic: Where they stood, prefix included.
        partition: Its partition.
        records: The records.
        epoch: Which seek of the consumer the batch belongs to; see :class:`turnlog.processors.ledger.Ledger`.
        fetched: When the records were in hand, on the monotonic clock.
    """

    topic: str
    partition: int
    records: Sequence[RawRecord] = field(repr=False)
    epoch: int = 0
    fetched: float = 0.0

    @property
    def first(self) -> int:
        """Offset of the first record."""
        return self.records[0].offset

    @property
    def last(self) -> int:
        """Offset of the last record."""
        return self.records[-1].offset
