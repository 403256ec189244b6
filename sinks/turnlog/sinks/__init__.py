"""Loads clean records from Kafka into ClickHouse, exactly once, and keeps its tables."""

from turnlog.schemas import require

require("turnlog.sinks", "sinks", "clickhouse_connect", "pydantic_settings", "structlog", "tenacity")

from turnlog.sinks.address import Address  # noqa: E402 - the line above says what is missing
from turnlog.sinks.clients import client  # noqa: E402 - same
from turnlog.sinks.errors import MigrationError, RefusedDataError, UnavailableError  # noqa: E402 - same
from turnlog.sinks.flavour import Flavour  # noqa: E402 - same
from turnlog.sinks.migrator import Migrated, migrate  # noqa: E402 - same
from turnlog.sinks.retention import Retention  # noqa: E402 - same

__all__ = [
    "Address",
    "Flavour",
    "Migrated",
    "MigrationError",
    "RefusedDataError",
    "Retention",
    "UnavailableError",
    "client",
    "migrate",
]
