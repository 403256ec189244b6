"""Reads the chains from ClickHouse's table `audit`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from turnlog.schemas import Datum, load
from turnlog.sinks.clients import unavailable


def read_table(client: Client, tenant: str | None = None) -> list[Datum]:
    """Return every event of a tenant, or of all, by number, as records of the schema. Blocks until all are read.

    A row that is there twice, alike in every column, counts once: the table drops such copies in its own time.

    Raises:
        UnavailableError: ClickHouse does not answer, or refuses.
    """
    fields = load("AuditEvent").definition["fields"]
    columns = ", ".join(f"{_column(each['name'], each['type'])} AS f_{each['name']}" for each in fields)
    where = "WHERE tenant_id = {tenant:String} " if tenant is not None else ""
    query = f"SELECT {columns} FROM audit {where}ORDER BY tenant_id, chain_number"  # noqa: S608 - names of the schema's
    try:
        rows = client.query(query, parameters={"tenant": tenant}).named_results()
        found = {json.dumps(event, sort_keys=True): event for event in map(_event, rows)}
    except (ClickHouseError, OSError) as error:
        raise unavailable(error, "ClickHouse, table audit") from error
    return list(found.values())


def _column(name: str, kind: Any) -> str:
    if isinstance(kind, list):
        kind = next(each for each in kind if each != "null")
    logical = kind.get("logicalType") if isinstance(kind, Mapping) else None
    return {"timestamp-micros": f"toUnixTimestamp64Micro({name})", "uuid": f"toString({name})"}.get(str(logical), name)


def _event(row: Mapping[str, Any]) -> Datum:
    event = {name.removeprefix("f_"): value for name, value in row.items()}
    return {name: bool(value) if name == "time_clamped" else value for name, value in event.items()}
