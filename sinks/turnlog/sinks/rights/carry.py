"""Carries requests out on the tables: erases, restricts, releases. Every step may be repeated."""

# ruff: noqa: S608 - names are of our own making, and values literals or bound

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from turnlog.schemas import TransientError
from turnlog.sinks.rights.ledger import Ledger
from turnlog.sinks.rights.request import Kind, Request
from turnlog.sinks.rights.sql import Rows, erasing, hits, literal, scoped
from turnlog.sinks.rights.tables import TABLES

_MOST_PASSES = 50


@dataclass(frozen=True)
class Outcome:
    """How a request ended.

    Attributes:
        outcome: ``done`` or ``refused``.
        reason: Why it was refused, or done now.
        rows: How many events it touched, by table.
        verified: How it was verified.
    """

    outcome: str = "done"
    reason: str | None = None
    rows: Mapping[str, int] = field(default_factory=dict)
    verified: str = ""


class Carrier:
    """Carries requests out.

    Args:
        ledger: The tables.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def carry_out(self, request: Request) -> Outcome:
        """Do what is asked, and prove it by counting. Blocks until all of it is done.

        Raises:
            UnavailableError: ClickHouse does not answer; the same request can be tried again.
            TransientError: Rows go on arriving; same.
        """
        match request.kind:
            case Kind.ERASE:
                return self._erase(request)
            case Kind.RESTRICT:
                return self._restrict(request)
            case Kind.RELEASE:
                return self._release(request)
            case Kind.EXPORT:
                return Outcome("refused", "an export is written by `turnlog privacy export`, to where it is called")

    def now(self) -> int:
        """Return ClickHouse's time in seconds since 1970."""
        return self._ledger.now()

    def erased(self, request: Request) -> int:
        """Return how many events were erased for a request in all."""
        return sum(self._ledger.erased(request).values())

    def sweep(self, since: int | None) -> list[tuple[Request, dict[str, int]]]:
        """Erase and hold what has arrived for requests that were carried out before; returns what was touched.

        Args:
            since: Only look at rows written since then by ClickHouse's time, in seconds since 1970; None for all.
        """
        ledger = self._ledger
        if not ledger.ask(f"SELECT 1 FROM {ledger.database}.privacy_requests FINAL WHERE state = 'active' LIMIT 1"):
            return []
        found = {
            (str(tenant), str(number))
            for table in ledger.written(since)
            for tenant, number in ledger.ask(hits(ledger.database, TABLES[table], since))
        }
        touched = []
        # What is to be held is held first, so that no erasure gets ahead of it.
        for kind, act in ((Kind.RESTRICT, self._hold), (Kind.ERASE, self._delete)):
            for tenant, number in sorted(found):
                for request in ledger.active(kind, tenant, number):
                    ledger.mark(request)
                    rows = act(request)
                    if any(rows.values()):
                        touched.append((request, rows))
        return touched

    def _erase(self, request: Request) -> Outcome:
        ledger = self._ledger
        ledger.note(request, "open")
        ledger.mark(request)
        held = sum(ledger.counts(request, held=True).values())
        holds = [each.id for each in self._overlapping(request)]
        if held or holds:
            ledger.note(request, "refused")
            ledger.forget(request)
            by = f", by request {', '.join(holds)}" if holds else ""
            return Outcome("refused", f"{held} rows are on hold{by}: release them and ask again")
        ledger.note(request, "active")
        for _ in range(_MOST_PASSES):
            self._delete(request)
            ledger.mark(request)
            if not any(ledger.counts(request, held=False).values()):
                return Outcome("done", None, ledger.erased(request), "counted after deletion: 0 rows in every table")
        raise TransientError(f"rows of request {request.id} arrive faster than they are erased")

    def _restrict(self, request: Request) -> Outcome:
        ledger = self._ledger
        ledger.note(request, "open")
        ledger.mark(request)
        ledger.note(request, "active")
        self._hold(request)
        left = sum(ledger.counts(request, held=False).values())
        return Outcome("done", None, ledger.counts(request, held=True), f"counted afterwards: {left} rows not on hold")

    def _release(self, request: Request) -> Outcome:
        ledger = self._ledger
        holds = self._overlapping(request)
        if not holds:
            ledger.note(request, "refused")
            return Outcome("refused", "nothing of this subject is restricted")
        rows: dict[str, int] = {}
        for each in holds:
            for table, count in self._change(each, "UPDATE hold = 0", "hold = 1").items():
                rows[table] = rows.get(table, 0) + count
        for each in holds:
            ledger.note(each, "released")
        # A row may be on hold for two reasons.
        for other in ledger.active(Kind.RESTRICT, request.tenant):
            self._hold(other)
        ledger.note(request, "done")
        return Outcome("done", None, rows, f"released request {', '.join(each.id for each in holds)}")

    def _overlapping(self, request: Request) -> list[Request]:
        """Return the active restrictions of the same subject."""
        names = {*request.tokens, *request.conversations}
        active = self._ledger.active(Kind.RESTRICT, request.tenant)
        return [each for each in active if names.intersection((*each.tokens, *each.conversations))]

    def _hold(self, request: Request) -> dict[str, int]:
        return self._change(request, "UPDATE hold = 1", "hold = 0")

    def _delete(self, request: Request) -> dict[str, int]:
        rows = Rows(self._ledger.database, request)
        # Noted by their ids before they go, and nothing goes that is not noted: what comes meanwhile is left for the
        # next pass, and an erasure that is interrupted and begins anew counts nothing twice.
        noted = " UNION ALL ".join(
            f"SELECT {literal(request.tenant)}, {literal(request.id)}, '{table.name}', event_id "
            f"FROM {self._ledger.database}.{table.name} WHERE {rows.all_of(table)} AND hold = 0"
            for table in scoped(request)
        )
        columns = "(tenant_id, request_id, source_table, event_id)"
        self._ledger.do(f"INSERT INTO {self._ledger.database}.privacy_erased {columns} {noted}")
        return self._change(request, None, "hold = 0")

    def _change(self, request: Request, what: str | None, which: str) -> dict[str, int]:
        """Change or erase the subject's rows, partition by partition; returns how many there were, by table."""
        rows = Rows(self._ledger.database, request)
        conditions = {
            table.name: f"{rows.all_of(table)} AND {which}{'' if what else f' AND event_id IN {rows.noted(table)}'}"
            for table in scoped(request)
        }
        found = self._ledger.ask(
            " UNION ALL ".join(
                f"SELECT '{name}', _partition_id, count() FROM {self._ledger.database}.{name} WHERE {condition} "
                "GROUP BY _partition_id"
                for name, condition in conditions.items()
            )
        )
        changed = dict.fromkeys(conditions, 0)
        for name, partition, count in found:
            # Confined to its partition: a mutation looks through, and may write anew, every part it is put to.
            where = f"IN PARTITION ID {literal(str(partition))} WHERE {conditions[name]}"
            self._ledger.do(f"ALTER TABLE {self._ledger.database}.{name} {what or erasing(TABLES[name])} {where}")
            changed[name] += int(count)
        return changed
