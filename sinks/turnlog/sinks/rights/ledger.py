"""What the tables of people's rights remember: requests, marks and what was erased."""

# ruff: noqa: S608 - names are of our own making, and values literals or bound

from __future__ import annotations

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
        """Note a request's state: ``open``, ``active``, ``refused``, ``released`` or ``done``."""
        self.do(
            f"INSERT INTO {self.database}.privacy_requests "
            "(tenant_id, request_id, kind, state, range_from, range_to, scope, changed_time) VALUES "
            f"({literal(request.tenant)}, {literal(request.id)}, '{request.kind}', '{state}', "
            f"fromUnixTimestamp64Micro({request.range_from}, 'UTC'), "
            f"fromUnixTimestamp64Micro({request.range_to}, 'UTC'), {array(request.scope)}, now64(6))"
        )

    def active(self, kind: Kind, tenant: str, request_id: str | None = None) -> list[Request]:
        """Return a tenant's active requests of a kind, or the one with an id."""
        which = "" if request_id is None else f" AND request_id = {literal(request_id)}"
        found = self.ask(
            "SELECT request_id, toUnixTimestamp64Micro(range_from), toUnixTimestamp64Micro(range_to), scope "
            f"FROM {self.database}.privacy_requests FINAL "
            f"WHERE tenant_id = {literal(tenant)} AND kind = '{kind}' AND state = 'active'{which} ORDER BY changed_time"
        )
        return [
            Request(
                id=str(number),
                tenant=tenant,
                kind=kind,
                tokens=self._values(tenant, str(number), "token"),
                conversations=self._values(tenant, str(number), "conversation"),
                scope=tuple(scope),
                range_from=int(start),
                range_to=int(end),
            )
            for number, start, end, scope in found
        ]

    def mark(self, request: Request) -> None:
        """Find and keep what tells which rows are the subject's. Doing it again adds what has come since."""
        rows = Rows(self.database, request)
        for name, values in (("token", request.tokens), ("conversation", request.conversations)):
            if values:
                self._keep(request, name, f"SELECT arrayJoin({array(values)})")
        tables = [table for table in TABLES.values() if not table.catalogue]
        self._keep(request, "own", *map(rows.own_chats, tables))
        self._keep(request, "trace", *map(rows.traces, tables))
        self._keep(request, "event", *(rows.targets(TABLES[name]) for name in TARGETS))

    def forget(self, request: Request) -> None:
        """Delete a request's marks."""
        self.do(
            f"ALTER TABLE {self.database}.privacy_marks DELETE "
            f"WHERE tenant_id = {literal(request.tenant)} AND request_id = {literal(request.id)}"
        )

    def erased(self, request: Request) -> dict[str, int]:
        """Return how many events were erased, by table."""
        found = self.ask(
            f"SELECT source_table, uniqExact(event_id) FROM {self.database}.privacy_erased "
            f"WHERE tenant_id = {literal(request.tenant)} AND request_id = {literal(request.id)} "
            "GROUP BY source_table ORDER BY source_table"
        )
        return {str(table): int(count) for table, count in found}

    def counts(self, request: Request, held: bool | None = None) -> dict[str, int]:
        """Return how many rows are the subject's, by table; only held ones, or only others, where it is said."""
        rows = Rows(self.database, request)
        hold = "" if held is None else f" AND hold = {int(held)}"
        queries = (
            f"SELECT '{table.name}', count() FROM {self.database}.{table.name} WHERE {rows.all_of(table)}{hold}"
            for table in scoped(request)
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

    def _values(self, tenant: str, request_id: str, name: str) -> tuple[str, ...]:
        found = self.ask(
            f"SELECT DISTINCT value FROM {self.database}.privacy_marks WHERE tenant_id = {literal(tenant)} "
            f"AND request_id = {literal(request_id)} AND class = '{name}' ORDER BY value"
        )
        return tuple(str(value) for (value,) in found)
