"""Events of a chain, and their hashes. Pure.

An event's hash is the SHA-256 (FIPS 180-4) over the UTF-8 of a JSON object with all of its fields but the hash itself:
names sorted, no blanks, non-ASCII characters as they are, times as integers of microseconds since 1970 UTC, and fields
that hold nothing (null, the empty text, list or map, false) left out. So the hash is the same whether an event is read
from Kafka, where what is not known is null, or from a table, where it is the empty text; and it stays the same when a
later version knows more fields. The previous event's hash is among the fields.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from turnlog.schemas import Datum, load, uuid7

PIPELINE = "*"
"""Tenant of the acts that concern the pipeline as a whole."""


@dataclass(frozen=True)
class Act:
    """An administrative act.

    Attributes:
        actor: Who acted.
        action: What was done, such as ``privacy.erase``.
        resource: To what; never a plain identity, for it is kept for years.
        tenant: Whose data, or :data:`PIPELINE`.
        outcome: ``done``, ``refused`` or ``failed``.
        reason: Why.
        rows: How many rows it touched.
        attributes: Anything else worth keeping.
        event_id: A UUIDv7; an act is recorded once, however often it is tried.
        time_us: When, in microseconds since 1970 UTC.
        producer_id: Who writes the event.
    """

    actor: str
    action: str
    resource: str
    tenant: str = PIPELINE
    outcome: str = "done"
    reason: str | None = None
    rows: int | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    event_id: str = field(default_factory=uuid7)
    time_us: int = field(default_factory=lambda: int(datetime.now(UTC).timestamp() * 1_000_000))
    producer_id: str = field(default_factory=uuid7)

    def datum(self) -> Datum:
        """Return the AuditEvent, not yet in any chain."""
        # What a reader would fill in is hashed, so it is filled in here.
        defaults = {
            each["name"]: each["default"] for each in load("AuditEvent").definition["fields"] if "default" in each
        }
        return {
            **defaults,
            "event_id": self.event_id,
            "event_time": self.time_us,
            "observed_time": self.time_us,
            "tenant_id": self.tenant,
            "service_name": "turnlog",
            "sdk_name": "turnlog",
            "producer_id": self.producer_id,
            "sequence": 0,
            "actor": self.actor,
            "action": self.action,
            "resource": self.resource,
            "outcome": self.outcome,
            "reason": self.reason,
            "rows_affected": self.rows,
            "attributes": dict(self.attributes),
        }


@dataclass(frozen=True)
class Anchor:
    """A chain's head as somebody wrote it down elsewhere.

    Attributes:
        tenant: Whose chain.
        number: Number of its last event then.
        hash: That event's hash.
        time: When it happened, ISO 8601.
    """

    tenant: str
    number: int
    hash: str
    time: str

    @classmethod
    def of(cls, event: Datum) -> Anchor:
        """Return the anchor that an event is."""
        moment = datetime.fromtimestamp(event["event_time"] / 1_000_000, UTC)
        return cls(event["tenant_id"], event["chain_number"], event["hash"], moment.isoformat(timespec="seconds"))


def canonical(event: Datum) -> bytes:
    """Return the bytes that are hashed."""
    said = {name: value for name, value in event.items() if name != "hash" and not _holds_nothing(value)}
    return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode("utf-8", "surrogatepass")


def digest(event: Datum) -> str:
    """Return an event's hash as it should be, in hexadecimal."""
    return sha256(canonical(event)).hexdigest()


def link(event: Datum, previous: Datum | None) -> Datum:
    """Return an event as the one that follows another in its chain.

    Args:
        event: What happened.
        previous: The chain's last event so far, or None if this is the first.
    """
    linked = {
        **event,
        "chain_number": 1 if previous is None else previous["chain_number"] + 1,
        "previous_hash": None if previous is None else previous["hash"],
    }
    return {**linked, "hash": digest(linked)}


def _holds_nothing(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {})
