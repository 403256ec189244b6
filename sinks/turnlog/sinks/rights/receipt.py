"""Receipts: what was done about a request, as acts of the audit trail. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from turnlog.schemas import Datum
from turnlog.schemas.topics import SEGMENT_MS
from turnlog.sinks.audit import PIPELINE, Act
from turnlog.sinks.rights.carry import Outcome
from turnlog.sinks.rights.request import FOREVER_US, ID, Request, is_tenant

ACTOR = "turnlog rights worker"
REQUEST = "privacy_request_id"
"""Attribute of a receipt that names its request."""

KAFKA_DAYS = 7
"""After so many days the copies of what was erased have gone from Kafka too."""

_DAY_US = 86_400_000_000
_ROWS = "rows."


def receipt(request: Request, outcome: Outcome, now_us: int) -> Act:
    """Return the receipt of a request that was carried out or refused."""
    late = request.due_us is not None and now_us > request.due_us
    attributes = {
        REQUEST: request.id,
        "requested_by": request.requested_by,
        "requested_time": _iso(request.requested_us),
        **({"range_from": _iso(request.range_from)} if request.range_from else {}),
        **({"range_to": _iso(request.range_to)} if request.range_to < FOREVER_US else {}),
        **({"scope": ", ".join(request.scope)} if request.scope else {}),
        **({"due": _iso(request.due_us), "late": str(late).lower()} if request.due_us is not None else {}),
        **({"verified": outcome.verified} if outcome.verified else {}),
        **outcome.more,
        **receipt_rows(outcome.rows),
    }
    if request.kind == "erase" and outcome.outcome == "done":
        attributes |= _copies(now_us)
    return _act(request, outcome, attributes, now_us)


def late_receipt(request: Request, rows: Mapping[str, int], in_all: int, now_us: int) -> Act:
    """Return the receipt of what arrived after a request had been carried out.

    Args:
        request: The request.
        rows: Rows that were touched since the last receipt, by table.
        in_all: Events that were erased for it since it was asked.
        now_us: The present.
    """
    outcome = Outcome("done", "arrived after the request was carried out", rows)
    total = {"erased_in_all": str(in_all), **_copies(now_us)} if request.kind == "erase" else {}
    return _act(request, outcome, {REQUEST: request.id, **total, **receipt_rows(rows)}, now_us)


def told(events: Iterable[Datum]) -> dict[tuple[str, str], Counter[str]]:
    """Return how many erased rows receipts have told of, by tenant and request, and by table."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for event in events:
        number = event["attributes"].get(REQUEST)
        if event["action"] == "privacy.erase" and event["outcome"] == "done" and number:
            rows = found.setdefault((event["tenant_id"], number), Counter())
            rows.update(rows_in(event))
    return found


def rows_in(event: Datum) -> dict[str, int]:
    """Return how many rows a receipt tells of, by table."""
    named = {name.removeprefix(_ROWS): count for name, count in event["attributes"].items() if name.startswith(_ROWS)}
    return {table: int(count) for table, count in named.items() if count.isdecimal()}


def refusal(tenant: str, request_id: str, reason: str, place: str, now_us: int) -> Act:
    """Return the receipt of a request that can't be read or names somebody in plain; it quotes nothing of it."""
    attributes = {REQUEST: request_id} if ID.fullmatch(request_id) else {}
    tenant = tenant if is_tenant(tenant) else PIPELINE
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


def receipt_rows(rows: Mapping[str, int]) -> dict[str, str]:
    """Return rows by table as attributes of a receipt."""
    return {f"{_ROWS}{table}": str(count) for table, count in rows.items() if count}


def _copies(now_us: int) -> dict[str, str]:
    return {"copies_in_kafka_until": _iso(now_us + KAFKA_DAYS * _DAY_US + SEGMENT_MS * 1000)}


def _iso(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).isoformat(timespec="seconds")
