"""Receipts: what was done about a request, as acts of the audit trail. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from turnlog.sinks.audit import Act
from turnlog.sinks.rights.carry import Outcome
from turnlog.sinks.rights.request import ID, Request

ACTOR = "turnlog rights worker"
REQUEST = "privacy_request_id"
"""Attribute of a receipt that names its request."""

KAFKA_DAYS = 7
"""After so many days the copies of what was erased have gone from Kafka too."""

_DAY_US = 86_400_000_000


def receipt(request: Request, outcome: Outcome, now_us: int) -> Act:
    """Return the receipt of a request that was carried out or refused."""
    late = request.due_us is not None and now_us > request.due_us
    attributes = {
        REQUEST: request.id,
        "requested_by": request.requested_by,
        "requested_time": _iso(request.requested_us),
        "range_to": _iso(request.range_to),
        **({"due": _iso(request.due_us), "late": str(late).lower()} if request.due_us is not None else {}),
        **({"verified": outcome.verified} if outcome.verified else {}),
        **_rows(outcome.rows),
    }
    if request.kind == "erase" and outcome.outcome == "done":
        attributes["copies_in_kafka_until"] = _iso(now_us + KAFKA_DAYS * _DAY_US)
    return _act(request, outcome, attributes, now_us)


def late_receipt(request: Request, rows: Mapping[str, int], in_all: int, now_us: int) -> Act:
    """Return the receipt of what arrived after a request had been carried out.

    Args:
        request: The request.
        rows: Rows that were touched now, by table.
        in_all: Events that were erased for it since it was asked.
        now_us: The present.
    """
    outcome = Outcome("done", "arrived after the request was carried out", rows)
    total = {"erased_in_all": str(in_all)} if request.kind == "erase" else {}
    return _act(request, outcome, {REQUEST: request.id, **total, **_rows(rows)}, now_us)


def refusal(tenant: str, request_id: str, reason: str, place: str, now_us: int) -> Act:
    """Return the receipt of a request that can't be read or names somebody in plain; it quotes nothing of it."""
    attributes = {REQUEST: request_id} if ID.fullmatch(request_id) else {}
    return Act(ACTOR, "privacy.request", place, tenant, "refused", reason, attributes=attributes, time_us=now_us)


def _act(request: Request, outcome: Outcome, attributes: Mapping[str, str], now_us: int) -> Act:
    return Act(
        ACTOR,
        f"privacy.{request.kind}",
        request.subject,
        tenant=request.tenant,
        outcome=outcome.outcome,
        reason=outcome.reason,
        rows=sum(outcome.rows.values()),
        attributes=attributes,
        time_us=now_us,
    )


def _rows(rows: Mapping[str, int]) -> dict[str, str]:
    return {f"rows.{table}": str(count) for table, count in rows.items() if count}


def _iso(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).isoformat(timespec="seconds")
