"""Brings a database to this version's tables, views and retention."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from turnlog.sinks.address import Address, check_database
from turnlog.sinks.clients import client as connect
from turnlog.sinks.clients import unavailable
from turnlog.sinks.errors import MigrationError
from turnlog.sinks.flavour import Flavour
from turnlog.sinks.migration import Migration, packaged
from turnlog.sinks.retention import Retention
from turnlog.sinks.template import render, statements
from turnlog.sinks.ttl import differing, system_logs

_RACE = frozenset({57, 82, 253, 517, 529, 741})
"""Codes with which one of two simultaneous CREATE IF NOT EXISTS or ALTERs may fail, to succeed when repeated."""

_JOURNAL = """CREATE TABLE IF NOT EXISTS {{db}}.schema_migrations{{on_cluster}}
(
    number UInt32,
    name String,
    checksum String,
    flavour LowCardinality(String),
    applied_time DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = {{engine:ReplacingMergeTree}}
ORDER BY (number, checksum)"""


@dataclass(frozen=True)
class Migrated:
    """What a migration did, or would do.

    Attributes:
        applied: Names of the migrations, in order.
        statements: Every statement that changes something, in order.
        retention: Tables whose retention differed from the settings.
    """

    applied: tuple[str, ...]
    statements: tuple[str, ...]
    retention: tuple[str, ...]


def migrate(
    server: Client | str | Address,
    database: str | None = None,
    *,
    retention: Retention | None = None,
    flavour: Flavour | None = None,
    dry_run: bool = False,
    migrations: Iterable[Migration] | None = None,
) -> Migrated:
    """Create what is missing and set every table's retention to the settings. Blocks until ClickHouse has done it.

    Doing it again does nothing; doing it twice at once is safe, for every statement may be repeated.

    Args:
        server: A client, or where ClickHouse is.
        database: The database; by default the address's, else ``turnlog``. Made when missing.
        retention: Days by class; by default read from the environment.
        flavour: One server, which is the default, or a cluster.
        dry_run: Only say what would be done.
        migrations: By default those of this version.

    Raises:
        MigrationError: An applied migration was changed, or is unknown here: the database is newer than this turnlog.
        SettingError: A name or number is malformed.
        UnavailableError: ClickHouse does not answer, or refuses a statement.
    """
    address = Address.parse(server) if isinstance(server, str) else server
    if isinstance(address, Address):
        name = check_database(database or address.database)
        opened = connect(address, database="")
        try:
            return _Run(opened, name, retention, flavour, dry_run).migrate(migrations)
        finally:
            opened.close()
    return _Run(address, check_database(database or "turnlog"), retention, flavour, dry_run).migrate(migrations)


class _Run:
    """One migration of one database."""

    def __init__(
        self, client: Client, database: str, retention: Retention | None, flavour: Flavour | None, dry_run: bool
    ) -> None:
        self._client = client
        self._database = database
        self._retention = retention or Retention.read()
        self._flavour = flavour or Flavour()
        self._dry_run = dry_run
        self._done: list[str] = []

    def migrate(self, migrations: Iterable[Migration] | None) -> Migrated:
        wanted = tuple(packaged() if migrations is None else migrations)
        present = self._tables()
        if "schema_migrations" not in present:
            self._do(f"CREATE DATABASE IF NOT EXISTS {self._database}{self._flavour.on_cluster}")
            for statement in self._statements(_JOURNAL):
                self._do(statement)
        applied = self._applied() if "schema_migrations" in present or not self._dry_run else {}
        _check(applied, wanted)
        pending = tuple(each for each in wanted if each.number not in applied)
        for migration in pending:
            for statement in self._statements(migration.template):
                self._do(statement)
            self._record(migration)
        changed = []
        for table, statement in self._retention_statements():
            changed.append(table)
            self._do(statement)
        return Migrated(tuple(map(str, pending)), tuple(self._done), tuple(dict.fromkeys(changed)))

    def _retention_statements(self) -> Iterator[tuple[str, str]]:
        def ask(sql: str) -> list[tuple[Any, ...]]:
            return self._query(sql)

        yield from differing(ask, self._tables(), self._database, self._flavour, self._retention)
        yield from system_logs(ask, self._flavour, self._retention)

    def _statements(self, template: str) -> Iterator[str]:
        return statements(render(template, self._database, self._flavour, self._retention))

    def _tables(self) -> Mapping[str, str]:
        rows = self._query(
            f"SELECT name, create_table_query FROM system.tables WHERE database = '{self._database}'"  # noqa: S608 - checked
        )
        return {str(name): str(query) for name, query in rows}

    def _applied(self) -> dict[int, tuple[str, frozenset[str]]]:
        rows = self._query(
            "SELECT number, any(name), groupUniqArray(checksum) "  # noqa: S608 - a checked name
            f"FROM {self._database}.schema_migrations GROUP BY number"
        )
        return {int(number): (str(name), frozenset(checksums)) for number, name, checksums in rows}

    def _record(self, migration: Migration) -> None:
        self._do(
            f"INSERT INTO {self._database}.schema_migrations (number, name, checksum, flavour) VALUES "  # noqa: S608
            f"({migration.number}, '{migration.name}', '{migration.checksum}', '{self._flavour.name}')"
        )

    def _query(self, sql: str) -> list[tuple[Any, ...]]:
        try:
            return [tuple(row) for row in self._client.query(sql).result_rows]
        except (ClickHouseError, OSError) as error:
            raise unavailable(error, "ClickHouse") from error

    def _do(self, statement: str) -> None:
        self._done.append(statement)
        if self._dry_run:
            return
        try:
            for attempt in Retrying(
                retry=retry_if_exception(_is_race),
                wait=wait_random_exponential(0.1, 2),
                stop=stop_after_attempt(8),
                reraise=True,
            ):
                with attempt:
                    self._client.command(statement)
        except (ClickHouseError, OSError) as error:
            raise unavailable(error, f"ClickHouse, at {statement.splitlines()[0]!r}") from error


def _is_race(error: BaseException) -> bool:
    return isinstance(error, DatabaseError) and error.code in _RACE


def _check(applied: Mapping[int, tuple[str, frozenset[str]]], wanted: tuple[Migration, ...]) -> None:
    by_number = {each.number: each for each in wanted}
    for number, (name, checksums) in sorted(applied.items()):
        migration = by_number.get(number)
        if migration is None:
            raise MigrationError(
                f"the database has migration {number:04}_{name}, which this version lacks: upgrade turnlog"
            )
        if checksums != {migration.checksum}:
            raise MigrationError(
                f"migration {migration} was changed after it had been applied: restore it and add a new one"
            )
    missing = [str(each) for each in wanted if each.number not in applied and each.number < max(applied, default=0)]
    if missing:
        raise MigrationError(f"later migrations were applied, but not {', '.join(missing)}")
