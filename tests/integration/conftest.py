"""Fixtures for tests of people's rights: tables, who carries requests out on them, and who writes rows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.client import Client

from integration.rights_book import Book
from turnlog.sinks import client, migrate
from turnlog.sinks.rights import Carrier, Ledger


@pytest.fixture
def server(clickhouse: str, database: str) -> Iterator[Client]:
    opened = client(clickhouse, database=database)
    migrate(opened, database)
    yield opened
    opened.close()


@pytest.fixture
def carrier(server: Client, database: str) -> Carrier:
    return Carrier(Ledger(server, database))


@pytest.fixture
def book(server: Client) -> Book:
    return Book(server)
