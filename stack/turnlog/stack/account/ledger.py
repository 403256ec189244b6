"""Reads the account from ClickHouse's views."""

from collections.abc import Sequence

from turnlog.sinks.query import ClickHouse, QueryError
from turnlog.stack.account.entry import Account, Doubles, Entry, Gap

_UNKNOWN_TABLE = {60, 81}
_MOST_ROWS = 20_000_000

_CHOSEN = "(empty({producers:Array(String)}) OR has({producers:Array(String)}, toString(producer_id)))"

_ENTRIES = """
SELECT producer_id, tenant_id, service_name, sent, stored, dead, dropped, closed, missing, first_time, last_time
FROM account WHERE {chosen}
ORDER BY first_time, producer_id
"""

_GAPS = "SELECT producer_id, gaps FROM producer_gaps WHERE {chosen}"

_SIZES = """
SELECT name, ifNull(total_rows, 0) AS rows FROM system.tables
WHERE database = currentDatabase() AND name IN ({names:Array(String)}) ORDER BY name
"""

_DOUBLES = """
SELECT '{table}' AS table, count() AS rows, rows - uniqExact(event_id) AS twice
FROM {table} WHERE {chosen}
"""

_TABLES = ("calls", "steps", "logs", "debug", "security", "scores", "deployments")


def read_account(server: ClickHouse, producers: Sequence[str] = ()) -> Account:
    """Read the account as it stands now; blocks until ClickHouse has answered.

    Args:
        server: Where the tables are.
        producers: Ids of producers; empty for all.

    Raises:
        QueryError: If ClickHouse refuses, as it does when the database was never migrated.
        ServerAwayError: If it does not answer.
    """
    parameters = {"producers": _array(producers)}
    try:
        found = server.rows(_chosen(_ENTRIES), parameters).dicts()
    except QueryError as error:
        if error.code in _UNKNOWN_TABLE:
            raise QueryError(
                f"there is no account in database {server.address.database}: run `turnlog migrate`", error.code
            ) from error
        raise
    gaps: dict[str, tuple[Gap, ...]] = {}
    if any(row["missing"] for row in found):
        gaps = {
            row["producer_id"]: tuple(Gap(int(first), int(last)) for first, last in row["gaps"])
            for row in server.rows(_chosen(_GAPS), parameters).dicts()
        }
    entries = tuple(Entry.model_validate({**row, "gaps": gaps.get(row["producer_id"], ())}) for row in found)
    sizes = server.rows(_SIZES, {"names": _array(_TABLES)}).dicts()
    searched = [row["name"] for row in sizes if row["rows"] <= _MOST_ROWS]
    doubles = tuple(
        Doubles.model_validate(row)
        for table in searched
        for row in server.rows(_chosen(_DOUBLES).replace("{table}", table), parameters).dicts()
    )
    return Account(
        entries=entries, doubles=doubles, unsearched=tuple(row["name"] for row in sizes if row["name"] not in searched)
    )


def _chosen(query: str) -> str:
    return query.replace("{chosen}", _CHOSEN)


def _array(names: Sequence[str]) -> str:
    return "[" + ",".join(f"'{name}'" for name in names) + "]"
