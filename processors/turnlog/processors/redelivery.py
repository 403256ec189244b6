"""Which records of a batch stand in their partition already.

A producer that can't know whether Kafka has an event, because it was killed between sending it and hearing so, has it
sent again with the header ``redelivery``, its last. Such a record is a double if the same event, by its ``producer``
header, stands earlier in the same raw partition: the same key goes to the same partition. The raw log is the state, so
the answer is the same whenever and wherever a batch is processed, and exactness is untouched: a double is a record
without outputs.

It is looked for from the moment when the event was first handed to a Kafka client on, which the header says. If the raw
log does not go back that far any more, an earlier copy may be missed: then tables still hold the event once, by its id,
and statistics count it as late, not again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from turnlog.processors.batch import RawRecord
from turnlog.schemas.headers import PRODUCER, REDELIVERY, get

SLACK_MS = 5 * 60 * 1000
"""How far a producer's clock may be ahead of the broker's: as far as event times may be."""

_FIRST_MS = 0


class Suspect(NamedTuple):
    """A record that may be a double.

    Attributes:
        offset: Where it stands.
        origin: Its ``producer`` header.
        since_ms: An earlier copy was appended at this time or later, milliseconds since 1970 UTC.
    """

    offset: int
    origin: bytes
    since_ms: int


def suspects(records: Sequence[RawRecord]) -> list[Suspect]:
    """Return the records that are marked; costs the others a look at their last header."""
    marked = [each for each in records if each.headers and each.headers[-1][0] == REDELIVERY]
    return [each for each in map(_suspect, marked) if each is not None]


def doubles(earlier: Iterable[tuple[int, bytes]], suspected: Iterable[Suspect]) -> frozenset[int]:
    """Return the offsets of the suspects whose event stands at a lower offset.

    Args:
        earlier: Offsets and ``producer`` headers of a partition's records, from where copies may stand on, in order.
        suspected: The suspects.
    """
    first: dict[bytes, int] = {}
    wanted = {each.origin for each in suspected}
    for offset, origin in earlier:
        if origin in wanted:
            first.setdefault(origin, offset)
    return frozenset(each.offset for each in suspected if first.get(each.origin, each.offset) < each.offset)


def _suspect(record: RawRecord) -> Suspect | None:
    origin, since = get(record.headers, PRODUCER), get(record.headers, REDELIVERY)
    if not origin:
        return None
    known = since is not None and since.isdigit() and len(since) < 16
    # A clock that has been set back since would look for copies too late: none is later than the record itself.
    since_ms = min(int(since or b"0"), record.timestamp_ms) if known else _FIRST_MS + SLACK_MS
    return Suspect(record.offset, origin, max(0, since_ms - SLACK_MS))
