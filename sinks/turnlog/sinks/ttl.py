"""Compares the retention that tables have with the one they should have."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from turnlog.sinks.flavour import Flavour
from turnlog.sinks.retention import BODY_COLUMNS, TABLES, Retention, expression

Ask = Callable[[str], list[tuple[Any, ...]]]
"""Runs a query and returns its rows."""


def differing(
    ask: Ask, tables: Mapping[str, str], database: str, flavour: Flavour, retention: Retention
) -> Iterator[tuple[str, str]]:
    """Yield (table, ALTER statement) for every table whose TTL is not what the settings say.

    Args:
        ask: Runs a query.
        tables: Name → CREATE statement, as ``system.tables`` has it.
        database: Their database.
        flavour: One server or a cluster.
        retention: The settings.
    """
    names = (*TABLES, "bodies")
    canonical = dict(zip(names, _canonical(ask, [expression(name, retention) for name in names]), strict=True))
    for table in TABLES:
        create = tables.get(table)
        if create is None:
            continue
        head, _, tail = create.partition(" ENGINE = ")
        where = f"ALTER TABLE {database}.{table}{flavour.on_cluster}"
        if f" TTL {canonical[table]} SETTINGS " not in f"{tail} SETTINGS ":
            yield table, f"{where} MODIFY TTL {expression(table, retention)}"
        for column in BODY_COLUMNS.get(table, ()):
            # Between a column's name and its TTL there is no other quoted name, so no other column.
            if not re.search(rf"`{column}` [^`]*TTL {re.escape(canonical['bodies'])}(,|\))", head):
                yield table, f"{where} MODIFY COLUMN {column} TTL {expression('bodies', retention)}"


def system_logs(ask: Ask, flavour: Flavour, retention: Retention) -> Iterator[tuple[str, str]]:
    """Yield (table, ALTER statement) for those of ClickHouse's own log tables that exist and are kept otherwise."""
    wanted = f"event_date + toIntervalDay({retention.system_logs})"
    rows = ask(
        "SELECT name, create_table_query FROM system.tables "
        "WHERE database = 'system' AND endsWith(name, '_log') AND endsWith(engine, 'MergeTree')"
    )
    for name, create in rows:
        if "`event_date`" in str(create) and f" TTL {wanted} " not in f"{create} ":
            yield f"system.{name}", f"ALTER TABLE system.{name}{flavour.on_cluster} MODIFY TTL {wanted}"


def _canonical(ask: Ask, expressions: list[str]) -> list[str]:
    """Return expressions as the engine writes them."""
    quoted = ", ".join("formatQuerySingleLine('SELECT " + each.replace("'", "\\'") + "')" for each in expressions)
    return [str(each).removeprefix("SELECT ") for each in ask(f"SELECT {quoted}")[0]]
