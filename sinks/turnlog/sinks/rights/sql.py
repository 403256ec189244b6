"""The SQL of people's rights: which rows are a subject's. Pure.

A row is a subject's by its user's pseudonym; by a chat that was named; without a user, by a chat or a trace of the
subject's; by the call it is about; or by a pseudonym in its texts. What chats, traces and calls those are is found
before anything is deleted and kept as marks, so that an erasure which began twice, or what arrives late, finds them
though the rows that told so are gone.
"""

# ruff: noqa: S608 - names are of our own making, and values literals or bound

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from turnlog.sinks.retention import BODY_COLUMNS
from turnlog.sinks.rights.request import TOKEN, Request
from turnlog.sinks.rights.tables import EMPTIED, TABLES, SubjectTable

ERASED = "<ERASED>"
"""Stands in a catalogue's texts where a pseudonym stood."""

_HAPPENED = "least(event_time, source_time)"
"""When it happened: a client whose clock is ahead does not put its events behind a request."""


def literal(text: str) -> str:
    """Return a text as ClickHouse writes it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0") + "'"


def array(texts: Iterable[str]) -> str:
    """Return texts as an array."""
    return "[" + ", ".join(map(literal, texts)) + "]"


class Rows:
    """Conditions for one request's rows.

    Args:
        database: Where the tables are.
        request: The request.
    """

    def __init__(self, database: str, request: Request) -> None:
        self._database = database
        self._request = request

    def within(self) -> str:
        """Return the condition for what the request can be about at all."""
        return self._within(f"({self._in_time()} OR conversation_id IN {self.marked('again')})")

    def _in_time(self) -> str:
        return f"{_HAPPENED} <= {_time(self._request.range_to)}"

    def _within(self, time: str) -> str:
        request = self._request
        limits = [f"tenant_id = {literal(request.tenant)}", time]
        if request.range_from:
            limits.append(f"event_time >= {_time(request.range_from)}")
        return " AND ".join(limits)

    def marked(self, marks: str) -> str:
        """Return the query for the marks of a class."""
        request = self._request
        return (
            f"(SELECT value FROM {self._database}.privacy_marks "
            f"WHERE tenant_id = {literal(request.tenant)} AND request_id = {literal(request.id)} "
            f"AND class = {literal(marks)})"
        )

    def noted_as(self, states: Iterable[str]) -> str:
        """Return the query for the request's id, if it is in one of these states."""
        return (
            f"(SELECT request_id FROM {self._database}.privacy_requests FINAL "
            f"WHERE tenant_id = {literal(self._request.tenant)} AND request_id = {literal(self._request.id)} "
            f"AND state IN {array(states)})"
        )

    def noted(self, table: SubjectTable) -> str:
        """Return the query for ids of a table's events that are to be erased."""
        return (
            f"(SELECT event_id FROM {self._database}.privacy_erased "
            f"WHERE tenant_id = {literal(self._request.tenant)} AND request_id = {literal(self._request.id)} "
            f"AND source_table = '{table.name}')"
        )

    def chats(self) -> str:
        """Return the condition for rows of chats: by user, by chat, and without a user by a chat of the subject's."""
        return (
            f"(user_key IN {self.marked('token')} OR conversation_id IN {self.marked('conversation')} "
            f"OR (user_key = '' AND conversation_id IN {self.marked('own')}))"
        )

    def all_of(self, table: SubjectTable) -> str:
        """Return the condition for all of the subject's rows in a table."""
        conditions = [self.chats()]
        if not table.catalogue:
            conditions.append(
                f"(user_key = '' AND conversation_id = '' AND trace_id != '' AND trace_id IN {self.marked('trace')})"
            )
        if table.link is not None:
            conditions.append(f"{table.link} IN {self.marked('event')}")
        return f"{self.within()} AND ({' OR '.join([*conditions, *self.mentions(table)])})"

    def mentions(self, table: SubjectTable) -> list[str]:
        """Return conditions of which one is enough for a row to name the subject; none where no pseudonym is known."""
        if not self._request.tokens:
            return []
        tokens = array(self._request.tokens)
        long = BODY_COLUMNS.get(table.name, ())
        texts = [_all(column for column in table.texts if column not in long), *(f"toString({each})" for each in long)]
        return [f"multiSearchAny({text}, {tokens})" for text in texts]

    def others_in_chats(self, table: SubjectTable) -> str:
        """Return the condition for what others said in chats in which the subject took part."""
        return (
            f"{self.within()} AND conversation_id IN {self.marked('own')} "
            f"AND user_key != '' AND NOT ({self.all_of(table)})"
        )

    def erasing(self, table: SubjectTable) -> list[tuple[str, str]]:
        """Return what is done to the subject's rows in a table when they are to go: mutations and their conditions."""
        if not table.catalogue:
            return [("DELETE", self.all_of(table))]
        emptied = ", ".join(f"{column} = ''" for column in EMPTIED)
        changes = [(f"UPDATE {emptied}", f"{self.within()} AND {self.chats()}")]
        if mentions := self.mentions(table):
            # Pseudonyms have no sign that means something in a pattern.
            pattern = literal("|".join(self._request.tokens))
            cleared = ", ".join(f"{column} = {_cleared(column, kind, pattern)}" for column, kind in table.texts.items())
            changes.append((f"UPDATE {cleared}", f"{self.within()} AND ({' OR '.join(mentions)})"))
        return changes

    def own_chats(self, table: SubjectTable) -> str:
        """Return the query for chats in which the subject took part."""
        return (
            f"SELECT conversation_id FROM {self._database}.{table.name} "
            f"WHERE {self._within(self._in_time())} AND conversation_id != '' AND user_key IN {self.marked('token')}"
        )

    def traces(self, table: SubjectTable) -> str:
        """Return the query for traces of the subject's."""
        return (
            f"SELECT trace_id FROM {self._database}.{table.name} "
            f"WHERE {self.within()} AND trace_id != '' AND {self.chats()}"
        )

    def targets(self, table: SubjectTable) -> str:
        """Return the query for ids of the subject's events that others may name."""
        return f"SELECT toString(event_id) FROM {self._database}.{table.name} WHERE {self.all_of(table)}"


def _all(columns: Iterable[str]) -> str:
    """Return the expression for the texts of columns, one behind the other."""
    return "concat(" + ", ' ', ".join(f"toString({column})" for column in columns) + ")"


def _cleared(value: str, kind: Any, pattern: str) -> str:
    """Return the expression for a value of an Avro type in which pseudonyms are written over."""
    if isinstance(kind, list):
        kind = next(each for each in kind if each != "null")
    name = kind["type"] if isinstance(kind, dict) else kind
    match name:
        case "string":
            return f"replaceRegexpAll({value}, {pattern}, '{ERASED}')"
        case "array":
            return f"arrayMap(each -> {_cleared('each', kind['items'], pattern)}, {value})"
        case "map":
            keys, values = _cleared("k", "string", pattern), _cleared("v", kind["values"], pattern)
            return f"mapApply((k, v) -> ({keys}, {values}), {value})"
        case "record":
            inner = (
                _cleared(f"tupleElement({value}, '{field['name']}')", field["type"], pattern)
                for field in kind["fields"]
            )
            return f"tuple({', '.join(inner)})"
    return value


def hits(database: str, table: SubjectTable, since: int | None) -> str:
    """Return the query for active requests that rows newly written may fall under: (tenant, request, earliest time).

    A mark for each way in which a row may be somebody's is held against those of all active requests. It may name a
    request too many, for a part of a chat may be somebody else's; :meth:`Rows.all_of` decides.

    Args:
        database: Where the tables are.
        table: The table.
        since: Only rows in parts written since then, in seconds since 1970; None for all.
    """
    classes = [
        "('token', user_key)",
        "('conversation', conversation_id)",
        "('own', if(user_key = '', conversation_id, ''))",
        "('again', conversation_id)",
    ]
    if not table.catalogue:
        classes.append("('trace', if(user_key = '' AND conversation_id = '', trace_id, ''))")
    if table.link is not None:
        classes.append(f"('event', {table.link})")
    marks = f"[{', '.join(classes)}]"
    if table.texts:
        found = f"extractAll({_all(table.texts)}, '{TOKEN.pattern}')"
        marks = f"arrayConcat({marks}, arrayMap(each -> ('token', each), {found}))"
    fresh = "1"
    if since is not None:
        fresh = (
            f"_part IN (SELECT name FROM system.parts WHERE database = {literal(database)} "
            f"AND table = {literal(table.name)} AND active AND modification_time >= toDateTime({since}))"
        )
    active = (
        f"(SELECT tenant_id, request_id, kind, range_to FROM {database}.privacy_requests FINAL WHERE state = 'active')"
    )
    known = (
        f"(SELECT tenant_id, class, value, request_id FROM {database}.privacy_marks "
        f"WHERE (tenant_id, request_id) IN (SELECT tenant_id, request_id FROM {active}))"
    )
    seen = (
        "SELECT tenant_id, mark.1 AS class, mark.2 AS value, min(happened) AS earliest "
        f"FROM (SELECT tenant_id, {_HAPPENED} AS happened, arrayJoin(arrayDistinct({marks})) AS mark "
        f"FROM {database}.{table.name} WHERE hold = 0 AND {fresh}) "
        f"WHERE (tenant_id, class, value) IN (SELECT tenant_id, class, value FROM {known}) "
        "GROUP BY tenant_id, class, value"
    )
    return (
        "SELECT DISTINCT asked.tenant_id AS tenant_id, asked.request_id AS request_id "
        f"FROM ({seen}) AS seen INNER JOIN {known} AS known "
        "ON seen.tenant_id = known.tenant_id AND seen.class = known.class AND seen.value = known.value "
        f"INNER JOIN {active} AS asked "
        "ON asked.tenant_id = known.tenant_id AND asked.request_id = known.request_id "
        "WHERE seen.earliest <= asked.range_to OR known.class = 'again'"
    )


def scoped(request: Request) -> list[SubjectTable]:
    """Return the tables that a request is about."""
    return [table for name, table in TABLES.items() if not request.scope or name in request.scope]


def _time(microseconds: int) -> str:
    return f"fromUnixTimestamp64Micro({microseconds}, 'UTC')"
