"""Inserts containers into ClickHouse's tables, and tells what may be tried again from what never will do."""

from __future__ import annotations

import threading
from typing import Protocol

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from turnlog.sinks.address import Address
from turnlog.sinks.clients import client, reason, unavailable
from turnlog.sinks.errors import RefusedDataError

_STD_EXCEPTION = 1001
_DATA = frozenset(
    {
        6,  # CANNOT_PARSE_TEXT
        26,  # CANNOT_PARSE_QUOTED_STRING
        27,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED
        32,  # ATTEMPT_TO_READ_AFTER_EOF
        33,  # CANNOT_READ_ALL_DATA
        38,  # CANNOT_PARSE_DATE
        41,  # CANNOT_PARSE_DATETIME
        53,  # TYPE_MISMATCH
        69,  # ARGUMENT_OUT_OF_BOUND
        70,  # CANNOT_CONVERT_TYPE
        72,  # CANNOT_PARSE_NUMBER
        117,  # INCORRECT_DATA
        128,  # TOO_LARGE_ARRAY_SIZE
        131,  # TOO_LARGE_STRING_SIZE
        190,  # SIZES_OF_ARRAYS_DONT_MATCH
        321,  # VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
        349,  # CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
        376,  # CANNOT_PARSE_UUID
        407,  # DECIMAL_OVERFLOW
        469,  # VIOLATED_CONSTRAINT
        636,  # CANNOT_EXTRACT_TABLE_STRUCTURE
        691,  # UNKNOWN_ELEMENT_OF_ENUM
    }
)
"""Codes that speak of the data. Everything else passes when the server does better, or when it has been migrated."""

_SETTINGS = {
    "async_insert": 0,
    "insert_deduplicate": 1,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "max_partitions_per_insert_block": 0,  # a replay of old days touches many
    "max_insert_block_size": 1_048_576,  # above any batch's rows, so that an insert is one block or nothing
    "input_format_avro_allow_missing_fields": 1,  # fields that an older schema lacks take their defaults
}


class Tables(Protocol):
    """Where batches go."""

    def insert(self, table: str, container: bytes, token: str) -> None:
        """Insert an Avro container; one whose token the table knows is dropped. Blocks until it is stored.

        Raises:
            RefusedDataError: Something in it can't be stored.
            UnavailableError: It may work later.
        """


class ClickHouseTables:
    """ClickHouse's tables; several threads may insert at once.

    Args:
        address: Where ClickHouse is.
        timeout: Seconds to wait for an insert.
    """

    def __init__(self, address: Address, timeout: float = 120.0) -> None:
        self._address = address
        self._timeout = timeout
        self._lock = threading.Lock()
        self._client: Client | None = None

    def insert(self, table: str, container: bytes, token: str) -> None:
        """Insert an Avro container; see :class:`Tables`. An empty token inserts without deduplication."""
        settings = (
            {**_SETTINGS, "insert_deduplication_token": token} if token else {**_SETTINGS, "insert_deduplicate": 0}
        )
        server = self._connect()
        try:
            # When the server closes the connection, the client sends the insert once more by itself: the token
            # makes that harmless.
            server.raw_insert(table, insert_block=container, settings=settings, fmt="Avro")
        except (ClickHouseError, OSError) as error:
            code = getattr(error, "code", None)
            if code in _DATA or (code == _STD_EXCEPTION and "avro" in str(error).lower()):
                raise RefusedDataError(f"{table}: {reason(error)}", code) from error
            if code is None:
                self._forget(server)  # its connections may be dead
            raise unavailable(error, f"ClickHouse at {self._address}, table {table}") from error

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _connect(self) -> Client:
        with self._lock:
            if self._client is None:
                self._client = client(self._address, timeout=self._timeout)
            return self._client

    def _forget(self, server: Client) -> None:
        with self._lock:
            if self._client is server:
                self._client = None
