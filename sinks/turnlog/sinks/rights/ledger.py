"""What the tables of people's rights remember: requests, marks and what was erased."""

# ruff: noqa: S608 - names are of our own making, and values literals or bound

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from turnlog.sinks.clients import unavailable
from turnlog.sinks.rights.request import Kind, Request
from turnlog.sinks.rights.sql import Rows, array, literal, scoped
from turnlog.sinks.rights.tables import TABLES, TARGETS

_SETTINGS = {
    # What is inserted twice is merged, not dropped: marks that were made, deleted and made again must be there.
    "insert_deduplicate": 0,
    "async_insert": 0,
    "max_query_size": 16 * 1024 * 1024,
    # Marks do not change between replicas while a mutation that reads them runs: they are only ever added to.
    "allow_nondeterministic_mutations": 1,
    "mutations_sync": 2,
}


class Ledger:
    """Reads and writes them; every method blocks until ClickHouse has answered.

    Args:
        client: Where the tables are.
        database: Their database.
    """

    def __init__(self, client: Client, database: str) -> None:
        self._client = client
        self.database = database

    def note(self, request: Request, state: str) -> None:
        """Note a request's state: ``open``, ``active``, ``refused``, ``released`` or ``done``.

        Whoever was slow and comes late does not undo what another worker has done since: a request that is active is
        not open again, and one that is released is neither.
        """
        further = {"open": ("active", "released"), "active": ("released",)}.get(state, ())
        self.do(
            f"INSERT INTO {self.database}.privacy_requests "
            "(tenant_id, request_id, kind, state, range_from, range_to, scope, changed_time) "
            f"SELECT {literal(request.tenant)}, {literal(request.id)}, '{request.kind}', '{state}', "
            f"fromUnixTimestamp64Micro({request.range_from}, 'UTC'), "
            f"fromUnixTimestamp64Micro({request.range_to}, 'UTC'), {array(request.scope)}, now64(6) "
            f"WHERE {literal(request.id)} NOT IN {Rows(self.database, request).noted_as(further)}"
        )

    def active(self, kind: Kind, tenant: str | None = None, request_id: str | None = None) -> list[Request]:
        """Return the active requests of a kind, oldest first: all, a tenant's, or the one with an id."""
        return self._requests(kind, tenant, request_id, "state = 'active'")

    def request(self, kind: Kind, tenant: str, request_id: str) -> Request:
        """Return a request that was noted, whatever has become of it."""
        return self._requests(kind, tenant, request_id, "1")[0]

    def keep(self, request: Request, name: str, values: Iterable[str]) -> None:
        """Keep marks of a class, besides those of the class that there are."""
        if listed := list(values):
            self._keep(request, name, f"SELECT arrayJoin({array(listed)})")

    def kept(self, request: Request, name: str) -> tuple[str, ...]:
        """Return the marks of a class."""
        return self._values(request.tenant, request.id, name)

    def mark(self, request: Request) -> None:
        """Find and keep what tells which rows are the subject's. Doing it again adds what has come since."""
        rows = Rows(self.database, request)
        self.keep(request, "token", request.tokens)
        self.keep(request, "conversation", request.conversations)
        tables = [table for table in TABLES.values() if not table.catalogue]
        self._keep(request, "own", *map(rows.own_chats, tables))
        if request.whole:
            self.keep(request, "whole", ["chats"])
            self._keep(request, "again", rows.marked("own"), rows.marked("conversation"))
        self._keep(request, "trace", *map(rows.traces, tables))
        self._keep(request, "event", *(rows.targets(TABLES[name]) for name in TARGETS))

    def forget(self, request: Request) -> None:
        """Delete a request's marks."""
        self.do(
            f"ALTER TABLE {self.database}.privacy_marks DELETE "
            f"WHERE tenant_id = {literal(request.tenant)} AND request_id = {literal(request.id)}"
        )

    def erased(self, request: Request) -> dict[str, int]:
        """Return how many events were erased for a request, by table."""
        which = f"tenant_id = {literal(request.tenant)} AND request_id = {literal(request.id)}"
        return self.all_erased(which).get((request.tenant, request.id), {})

    def all_erased(self, which: str = "1") -> dict[tuple[str, str], dict[str, int]]:
        """Return the same for all requests, by tenant and id."""
        found: dict[tuple[str, str], dict[str, int]] = {}
        for tenant, number, table, count in self.ask(
            "SELECT tenant_id, request_id, source_table, uniqExact(event_id) "
            f"FROM {self.database}.privacy_erased WHERE {which} GROUP BY ALL ORDER BY ALL"
        ):
            found.setdefault((str(tenant), str(number)), {})[str(table)] = int(count)
        return found

    def counts(self, request: Request, held: bool | None = None) -> dict[str, int]:
        """Return how many rows are the subject's, by table; only held ones, or only others, where it is said."""
        rows = Rows(self.database, request)
        hold = "" if held is None else f" AND hold = {int(held)}"
        return self.count({table.name: f"{rows.all_of(table)}{hold}" for table in scoped(request)})

    def others(self, request: Request) -> dict[str, int]:
        """Return how many rows of other people there are in chats in which the subject took part, by table."""
        rows = Rows(self.database, request)
        return self.count({each.name: rows.others_in_chats(each) for each in scoped(request) if not each.catalogue})

    def count(self, conditions: Mapping[str, str]) -> dict[str, int]:
        """Return how many rows fulfil a condition, by table."""
        queries = (
            f"SELECT '{name}', count() FROM {self.database}.{name} WHERE {condition}"
            for name, condition in conditions.items()
        )
        return {str(table): int(count) for table, count in self.ask(" UNION ALL ".join(queries))}

    def now(self) -> int:
        """Return ClickHouse's time, which its files have, in seconds since 1970."""
        return int(self.ask("SELECT toUnixTimestamp(now())")[0][0])

    def written(self, since: int | None) -> list[str]:
        """Return the tables about people that were written to since a time in seconds since 1970; all for None."""
        if since is None:
            return list(TABLES)
        found = self.ask(
            f"SELECT DISTINCT table FROM system.parts WHERE database = {literal(self.database)} "
            f"AND table IN {array(TABLES)} AND active AND modification_time >= toDateTime({since})"
        )
        return [str(table) for (table,) in found]

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Return a query's rows.

        Raises:
            UnavailableError: ClickHouse does not answer, or refuses.
        """
        try:
            return [tuple(row) for row in self._client.query(query, settings=_SETTINGS).result_rows]
        except (ClickHouseError, OSError) as error:
            raise unavailable(error, "ClickHouse") from error

    def do(self, statement: str) -> None:
        """Run a statement; a mutation is done when this returns. Raises as :meth:`ask`."""
        try:
            self._client.command(statement, settings=_SETTINGS)
        except (ClickHouseError, OSError) as error:
            raise unavailable(error, f"ClickHouse, at {statement[:60]!r}") from error

    def _keep(self, request: Request, name: str, *queries: str) -> None:
        found = " UNION DISTINCT ".join(queries)
        self.do(
            f"INSERT INTO {self.database}.privacy_marks (tenant_id, request_id, class, value) "
            f"SELECT {literal(request.tenant)}, {literal(request.id)}, '{name}', * FROM ({found})"
        )

    def _requests(self, kind: Kind, tenant: str | None, request_id: str | None, which: str) -> list[Request]:
        if tenant is not None:
            which += f" AND tenant_id = {literal(tenant)}"
        if request_id is not None:
            which += f" AND request_id = {literal(request_id)}"
        found = self.ask(
            "SELECT tenant_id, request_id, toUnixTimestamp64Micro(range_from), toUnixTimestamp64Micro(range_to), scope "
            f"FROM {self.database}.privacy_requests FINAL WHERE kind = '{kind}' AND {which} ORDER BY changed_time"
        )
        return [
            Request(
                id=str(number),
                tenant=str(whose),
                kind=kind,
                tokens=self._values(str(whose), str(number), "token"),
                conversations=self._values(str(whose), str(number), "conversation"),
                scope=tuple(scope),
                range_from=int(start),
                range_to=int(end),
                whole=bool(self._values(str(whose), str(number), "whole")),
            )
            for whose, number, start, end, scope in found
        ]

    def _values(self, tenant: str, request_id: str, name: str) -> tuple[str, ...]:
        found = self.ask(
            f"SELECT DISTINCT value FROM {self.database}.privacy_marks WHERE tenant_id = {literal(tenant)} "
            f"AND request_id = {literal(request_id)} AND class = '{name}' ORDER BY value"
        )
        return tuple(str(value) for (value,) in found)
