"""Whether a chain is whole, and where it breaks first. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from turnlog.schemas import Datum
from turnlog.sinks.audit.chain import Anchor, digest


class BreakKind(StrEnum):
    """What is wrong."""

    ALTERED = "altered"
    """The event does not have the hash that it carries: it was changed."""
    MISSING = "missing"
    """No event has this number."""
    SWAPPED = "swapped"
    """Two events stand in each other's place."""
    DOUBLED = "doubled"
    """Two events have this number: the chain is forked, or something was put in."""
    REWRITTEN = "rewritten"
    """The event and its hash agree, but the next one names another hash: one of them was changed, hash and all."""
    UNNUMBERED = "unnumbered"
    """The event has no place in the chain: it was not written by turnlog."""
    TRUNCATED = "truncated"
    """The chain ends before the anchor."""


_WORDS: Mapping[BreakKind, str] = {
    BreakKind.ALTERED: "was altered: its content does not have the hash that it carries",
    BreakKind.MISSING: "is missing",
    BreakKind.SWAPPED: "was swapped with event {other}",
    BreakKind.DOUBLED: "is there twice, with different content",
    BreakKind.REWRITTEN: "or the one before it was rewritten, hash and all: they do not fit together",
    BreakKind.UNNUMBERED: "has no number: it was put in from outside",
    BreakKind.TRUNCATED: "and what followed it was cut off",
}


@dataclass(frozen=True)
class Break:
    """The first place where a chain does not hold.

    Attributes:
        tenant: Whose chain.
        kind: What is wrong.
        number: Number in the chain; 0 where there is none.
        event_id: The event there, if there is one.
        other: The other event's number, where two are involved.
    """

    tenant: str
    kind: BreakKind
    number: int
    event_id: str | None = None
    other: int | None = None

    def __str__(self) -> str:
        """Say it in one sentence."""
        what = _WORDS[self.kind].format(other=self.other)
        named = f" ({self.event_id})" if self.event_id else ""
        return f"tenant {self.tenant}: event {self.number}{named} {what}"


def chains(events: Iterable[Datum]) -> dict[str, list[Datum]]:
    """Return each tenant's events, in the order in which they come."""
    found: defaultdict[str, list[Datum]] = defaultdict(list)
    for event in events:
        found[event["tenant_id"]].append(event)
    return dict(found)


def check(tenant: str, events: Sequence[Datum], anchors: Iterable[Anchor] = ()) -> Break | None:
    """Return the first break of a tenant's chain, or None if it is whole.

    Args:
        tenant: Whose chain.
        events: All of its events, in the order of their numbers, or as they stand in the topic.
        anchors: Heads of it that were written down elsewhere. Without one, a chain whose end was cut off is whole.
    """
    for event in events:
        if event["chain_number"] is None:
            return Break(tenant, BreakKind.UNNUMBERED, 0, event["event_id"])
    numbers = {event["chain_number"] for event in events}
    before: Datum | None = None
    for expected, event in enumerate(events, 1):
        found = (
            _misplaced(tenant, expected, event, numbers)
            or _altered(tenant, event, events)
            or _unlinked(tenant, event, before)
        )
        if found is not None:
            return found
        before = event
    return next((found for anchor in anchors if (found := _adrift(tenant, events, anchor)) is not None), None)


def _misplaced(tenant: str, expected: int, event: Datum, numbers: set[int]) -> Break | None:
    number = event["chain_number"]
    if number == expected:
        return None
    if number < expected:
        return Break(tenant, BreakKind.DOUBLED, number, event["event_id"])
    if expected in numbers:
        return Break(tenant, BreakKind.SWAPPED, expected, event["event_id"], number)
    return Break(tenant, BreakKind.MISSING, expected)


def _altered(tenant: str, event: Datum, events: Sequence[Datum]) -> Break | None:
    own = digest(event)
    if own == event["hash"]:
        return None
    number = event["chain_number"]
    for other in events:
        if other is event:
            continue
        # What it would be in the other's place, with its own link or with the other's.
        there = {**event, "chain_number": other["chain_number"]}
        places = (own, digest(there), digest({**there, "previous_hash": other["previous_hash"]}))
        carried = (other["hash"], event["hash"])
        if any(place in carried for place in places):
            return Break(tenant, BreakKind.SWAPPED, number, event["event_id"], other["chain_number"])
    return Break(tenant, BreakKind.ALTERED, number, event["event_id"])


def _unlinked(tenant: str, event: Datum, before: Datum | None) -> Break | None:
    if (event["previous_hash"] or None) == (None if before is None else before["hash"]):
        return None
    return Break(tenant, BreakKind.REWRITTEN, event["chain_number"], event["event_id"])


def _adrift(tenant: str, events: Sequence[Datum], anchor: Anchor) -> Break | None:
    """Hold a whole chain against an anchor: number 0 stands for any, tenant and hash being all that is known."""
    if anchor.tenant != tenant:
        return None
    if any(event["hash"] == anchor.hash and anchor.number in (0, event["chain_number"]) for event in events):
        return None
    if anchor.number > len(events):
        return Break(tenant, BreakKind.TRUNCATED, len(events) + 1)
    if anchor.number == 0:
        return Break(tenant, BreakKind.TRUNCATED, len(events) + 1)
    return Break(tenant, BreakKind.REWRITTEN, anchor.number, events[anchor.number - 1]["event_id"])
