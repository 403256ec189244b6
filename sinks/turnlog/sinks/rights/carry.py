"""Carries requests out on the tables: erases, restricts, releases. Every step may be repeated."""

# ruff: noqa: S608 - names are of our own making, and values literals or bound

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from turnlog.schemas import TransientError
from turnlog.sinks.rights.ledger import Ledger
from turnlog.sinks.rights.request import Kind, Request
from turnlog.sinks.rights.sql import Rows, hits, literal, scoped
from turnlog.sinks.rights.tables import TABLES, SubjectTable

_MOST_PASSES = 50

HOLD = "UPDATE hold = 1"
FREE = "UPDATE hold = 0"

OTHERS = "rows_of_others_in_chats"
"""Attribute of a receipt that counts what others wrote in the subject's chats, which stays."""

_NO_PLACE = (
    "there is no folder for exports: set TURNLOG_RIGHTS_EXPORT_FOLDER, or run `turnlog privacy export` where the "
    "bundle is to be"
)


@dataclass(frozen=True)
class Outcome:
    """How a request ended.

    Attributes:
        outcome: ``done``, ``refused`` or ``failed``.
        reason: Why it was refused or failed, or done now.
        rows: How many events it touched, by table.
        verified: How it was verified.
        more: What else its receipt should say.
    """

    outcome: str = "done"
    reason: str | None = None
    rows: Mapping[str, int] = field(default_factory=dict)
    verified: str = ""
    more: Mapping[str, str] = field(default_factory=dict)


class Carrier:
    """Carries requests out.

    Args:
        ledger: The tables.
        export: Writes bundles; None where there is no place for them.
    """

    def __init__(self, ledger: Ledger, export: Callable[[Request], Outcome] | None = None) -> None:
        self._ledger = ledger
        self._export = export

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
                return Outcome("refused", _NO_PLACE) if self._export is None else self._export(request)

    def now(self) -> int:
        """Return ClickHouse's time in seconds since 1970."""
        return self._ledger.now()

    def erased(self) -> dict[tuple[str, str], dict[str, int]]:
        """Return how many events were erased for each request, by tenant and id, in all and by table."""
        return self._ledger.all_erased()

    def erasure(self, tenant: str, request_id: str) -> Request:
        """Return an erasure that was asked for."""
        return self._ledger.request(Kind.ERASE, tenant, request_id)

    def sweep(self, since: int | None) -> Iterator[tuple[Request, dict[str, int]]]:
        """Erase and hold what has arrived for requests that were carried out before; yields what was touched.

        Args:
            since: Only look at rows written since then by ClickHouse's time, in seconds since 1970; None for all.
        """
        ledger = self._ledger
        if not ledger.ask(f"SELECT 1 FROM {ledger.database}.privacy_requests FINAL WHERE state = 'active' LIMIT 1"):
            return
        found = {
            (str(tenant), str(number))
            for table in ledger.written(since)
            for tenant, number in ledger.ask(hits(ledger.database, TABLES[table], since))
        }
        # What is to be held is held first, so that no erasure gets ahead of it.
        for kind, act in ((Kind.RESTRICT, self._hold), (Kind.ERASE, self._delete)):
            for tenant, number in sorted(found):
                for request in ledger.active(kind, tenant, number):
                    ledger.mark(request)
                    rows = act(request)
                    if any(rows.values()):
                        yield request, rows

    def _erase(self, request: Request) -> Outcome:
        ledger = self._ledger
        ledger.note(request, "open")
        ledger.mark(request)
        held = sum(ledger.counts(request, held=True).values())
        holds = [each.id for each in (self._held_by(request) if held else self._overlapping(request))]
        # One that has begun goes on.
        if (held or holds) and not ledger.active(Kind.ERASE, request.tenant, request.id):
            ledger.note(request, "refused")
            ledger.forget(request)
            by = f", by request {', '.join(holds)}" if holds else ""
            return Outcome("refused", f"{held} rows are on hold{by}: release them and ask again")
        ledger.note(request, "active")
        for _ in range(_MOST_PASSES):
            self._delete(request)
            if not any(ledger.counts(request, held=False).values()):
                verified = f"counted after deletion: 0 rows in {_where(request)}"
                others = sum(ledger.others(request).values())
                # Said, because it is for people to decide: what others wrote there may be about the subject.
                more = {OTHERS: str(others)} if others else {}
                return Outcome("done", None, ledger.erased(request), verified, more)
        raise TransientError(f"rows of request {request.id} arrive faster than they are erased")

    def _restrict(self, request: Request) -> Outcome:
        ledger = self._ledger
        ledger.note(request, "open")
        ledger.mark(request)
        ledger.note(request, "active")
        for _ in range(_MOST_PASSES):
            self._hold(request)
            ledger.mark(request)
            if not any(ledger.counts(request, held=False).values()):
                verified = f"counted afterwards: 0 rows not on hold in {_where(request)}"
                return Outcome("done", None, ledger.counts(request, held=True), verified)
        raise TransientError(f"rows of request {request.id} arrive faster than they are put on hold")

    def _release(self, request: Request) -> Outcome:
        ledger = self._ledger
        # Kept before anything is released: begun anew, it would find nothing restricted and say so.
        ledger.keep(request, "release", [each.id for each in self._overlapping(request)])
        names = ledger.kept(request, "release")
        if not names:
            ledger.note(request, "refused")
            return Outcome("refused", "nothing of this subject is restricted")
        restrictions = ledger.active(Kind.RESTRICT, request.tenant)
        ending = [each for each in restrictions if each.id in names]
        released = [ledger.request(Kind.RESTRICT, request.tenant, name) for name in names]
        meant = {table.name: self._any_of(released, table) for table in TABLES.values()}
        # A row may be on hold for two reasons, and must not be free for a moment: retention could take it.
        others = self._holding(meant, (each for each in restrictions if each.id not in names))
        freed = {
            table.name: f"({meant[table.name]}) AND NOT ({self._any_of(others, table)})" for table in TABLES.values()
        }
        held = {name: f"hold = 1 AND {condition}" for name, condition in freed.items()}
        # Counted once, before: what retention was waiting for goes at once.
        if not ledger.kept(request, "rows"):
            ledger.keep(request, "rows", [f"{name}={count}" for name, count in ledger.count(held).items()])
        self._change({name: [(FREE, condition)] for name, condition in held.items()})
        left = sum(ledger.count(held).values())
        if left:
            raise TransientError(f"{left} rows are still on hold after request {request.id} was carried out")
        for each in ending:
            ledger.note(each, "released")
        ledger.note(request, "done")
        rows = dict(each.split("=") for each in ledger.kept(request, "rows"))
        verified = "counted afterwards: 0 rows on hold, but for those that other requests hold"
        reason = f"released request {', '.join(names)}"
        return Outcome("done", reason, {name: int(count) for name, count in rows.items()}, verified)

    def _overlapping(self, request: Request) -> list[Request]:
        """Return the active restrictions of the same subject."""
        names = {*request.tokens, *request.conversations}
        active = self._ledger.active(Kind.RESTRICT, request.tenant)
        return [each for each in active if names.intersection((*each.tokens, *each.conversations))]

    def _held_by(self, request: Request) -> list[Request]:
        """Return the restrictions that rows of a request's subject are on hold by."""
        rows = Rows(self._ledger.database, request)
        meant = {table.name: rows.all_of(table) for table in scoped(request)}
        return self._holding(meant, self._ledger.active(Kind.RESTRICT, request.tenant))

    def _holding(self, meant: Mapping[str, str], restrictions: Iterable[Request]) -> list[Request]:
        """Return those restrictions, of whomever, that rows are on hold by; which rows, conditions say by table."""
        found = []
        for each in restrictions:
            both = {
                name: f"hold = 1 AND ({condition}) AND ({self._any_of([each], TABLES[name])})"
                for name, condition in meant.items()
            }
            if any(self._ledger.count(both).values()):
                found.append(each)
        return found

    def _any_of(self, requests: Iterable[Request], table: SubjectTable) -> str:
        """Return the condition for what any of these requests is about in a table."""
        rows = (Rows(self._ledger.database, each).all_of(table) for each in requests if table in scoped(each))
        return " OR ".join(f"({each})" for each in rows) or "0"

    def _hold(self, request: Request) -> dict[str, int]:
        rows = Rows(self._ledger.database, request)
        # So that a worker that was slow does not put on hold what has been released since.
        active = f"{literal(request.id)} IN {rows.noted_as(['active'])}"
        return self._change(
            {each.name: [(HOLD, f"{rows.all_of(each)} AND hold = 0 AND {active}")] for each in scoped(request)}
        )

    def _delete(self, request: Request) -> dict[str, int]:
        rows = Rows(self._ledger.database, request)
        # Noted by their ids before they go, and nothing goes that is not noted: what comes meanwhile is left for the
        # next pass, and an erasure that is interrupted and begins anew counts nothing twice. Marked once more when it
        # is known what goes: a chat that came since the last time must be known when its rows are gone.
        noted = " UNION ALL ".join(
            f"SELECT {literal(request.tenant)}, {literal(request.id)}, '{table.name}', event_id "
            f"FROM {self._ledger.database}.{table.name} WHERE {rows.all_of(table)} AND hold = 0"
            for table in scoped(request)
        )
        columns = "(tenant_id, request_id, source_table, event_id)"
        self._ledger.do(f"INSERT INTO {self._ledger.database}.privacy_erased {columns} {noted}")
        self._ledger.mark(request)
        return self._change(
            {
                table.name: [
                    (what, f"{condition} AND hold = 0 AND event_id IN {rows.noted(table)}")
                    for what, condition in rows.erasing(table)
                ]
                for table in scoped(request)
            }
        )

    def _change(self, changes: Mapping[str, Sequence[tuple[str, str]]]) -> dict[str, int]:
        """Change or erase rows, partition by partition; returns how many there were, by table.

        Args:
            changes: Table → what mutations do to its rows, and their conditions.
        """
        ledger = self._ledger
        changed = dict.fromkeys(changes, 0)
        for name, mutations in changes.items():
            for what, condition in mutations:
                found = ledger.ask(
                    f"SELECT _partition_id, count() FROM {ledger.database}.{name} WHERE {condition} "
                    "GROUP BY _partition_id"
                )
                for partition, count in found:
                    # Confined to its partition: a mutation looks through, and may write anew, every part it is put to.
                    where = f"IN PARTITION ID {literal(str(partition))} WHERE {condition}"
                    ledger.do(f"ALTER TABLE {ledger.database}.{name} {what} {where}")
                    changed[name] += int(count)
        return changed


def _where(request: Request) -> str:
    return ", ".join(request.scope) or "every table"
