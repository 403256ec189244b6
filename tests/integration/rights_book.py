"""Rows of one person, of others beside them, and of catalogues, for tests of people's rights."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from typing import Any
from uuid import UUID

from clickhouse_connect.driver.client import Client

from turnlog.sinks.rights import TABLES, Kind, Request

JANE, JOE = "<USER:k1-00000000000000aa>", "<USER:k1-00000000000000bb>"
MAIL = "<EMAIL:k1-0000aaaa>"
NOW = int(time.time()) * 1_000_000
SECOND = 1_000_000
DAY = 86_400 * SECOND
EVENTS = [name for name, table in TABLES.items() if not table.catalogue]
CATALOGUE = [name for name, table in TABLES.items() if table.catalogue]


NAMING: dict[str, dict[str, Any]] = {
    "deployments": {"actor": MAIL, "reason": f"{MAIL}'s wish", "attributes": {f"of {MAIL}": f"by {MAIL}"}},
    "model_versions": {"aliases": ["a", f"for {MAIL}"], "tags": {MAIL: "x"}},
    "datasets": {
        "origin_query": f"WHERE user_key = '{JANE}'",
        "transformations": [
            {
                "step": f"without {MAIL}",
                "code_version": None,
                "parameters": {"who": MAIL},
                "rows_in": 3,
                "rows_out": None,
            }
        ],
    },
}
"""Rows of catalogues that name Jane without being tied to her."""


class Book:
    """Writes rows with numbers of their own, a table's together."""

    def __init__(self, server: Client) -> None:
        self._server = server
        self._number = 0
        self._waiting: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)

    def put(self, table: str, **row: Any) -> str:
        self._number += 1
        number = str(UUID(int=self._number))
        time_us = row.pop("time", NOW - 60 * SECOND)
        whole = {"event_id": number, "event_time": time_us / SECOND, "source_time": time_us / SECOND, "tenant_id": "t"}
        whole |= {"producer_id": str(UUID(int=7)), "sequence": self._number, "service_name": "bot"}
        keys = {"model_versions": "model_version_id", "datasets": "dataset_id"}
        whole |= {keys[table]: number} if table in keys else {}
        self._waiting[table].append(whole | row)
        return number

    def write(self) -> None:
        for table, rows in self._waiting.items():
            body = "\n".join(map(json.dumps, rows)).encode()
            self._server.raw_insert(table, insert_block=body, fmt="JSONEachRow", settings={"insert_deduplicate": 0})
        self._waiting.clear()

    def left(self, *tables: str) -> set[str]:
        return {
            str(row[0]) for table in tables for row in self._server.query(f"SELECT event_id FROM {table}").result_rows
        }


def request(kind: Kind, number: str, **more: Any) -> Request:
    given: dict[str, Any] = {"tokens": (JANE, MAIL), "range_to": NOW} | more
    return Request(number, "t", kind, **given)


def everything(book: Book, time_us: int = NOW - 60 * SECOND) -> tuple[set[str], set[str], set[str]]:
    """Rows of Jane's in every way in which one can be hers; rows of others' beside them; rows of catalogues."""
    hers, others = set(), set()
    for table in EVENTS:
        hers |= {
            book.put(table, user_key=JANE, conversation_id="jane-1", trace_id="jt", time=time_us),
            book.put(table, conversation_id="jane-1", trace_id="jt2", time=time_us),  # her chat, without her
            # A request of hers, of calls in another partition.
            book.put(table, trace_id="jt", time=time_us - (40 * DAY if table == "calls" else 0)),
            book.put(table, user_key=JOE, attributes={"who": f"as {MAIL} says"}, time=time_us),
        }
        others |= {
            book.put(table, user_key=JOE, conversation_id="jane-1", trace_id="jt", time=time_us),  # joined her chat
            book.put(table, user_key=JOE, conversation_id="joe-1", time=time_us),
            book.put(table, conversation_id="joe-1", time=time_us),
            book.put(table, time=time_us),
            book.put(table, tenant_id="other", user_key=JANE, conversation_id="jane-1", time=time_us),
            book.put(table, user_key=JANE, conversation_id="jane-2", time=NOW + SECOND),  # she goes on chatting
        }
    call = book.put("calls", user_key=JANE, time=time_us)
    hers |= {call, book.put("scores", target_event_id=call, time=time_us), book.put("logs", call_id=call, time=time_us)}
    kept = {
        book.put(table, time=time_us, **row)
        for table in CATALOGUE
        for row in ({"user_key": JANE, "conversation_id": "jane-1"}, {"user_key": JOE, **NAMING[table]})
    }
    book.write()
    return hers, others, kept
