"""A table whose rows are replaced by their coordinates."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from turnlog.schemas import Schema, TransientError
from turnlog.sinks.address import Address
from turnlog.sinks.clients import client, unavailable
from turnlog.sinks.splice import Row, container
from turnlog.sinks.tables import ClickHouseTables
from turnlog.stack.reprocess.refining import Refined

_SYNC = {"lightweight_deletes_sync": 2, "mutations_sync": 2}
"""Return when it is done, on all replicas."""


@dataclass
class Stored:
    """The rows of one coordinate.

    Attributes:
        stamps: Which rules they were refined by.
        held: Whether one of them is under a legal hold.
    """

    stamps: set[str] = field(default_factory=set)
    held: bool = False


class Table:
    """One of ClickHouse's tables.

    Args:
        address: Where ClickHouse is.
        name: The table.
        schema: What its new rows are written by.
    """

    def __init__(self, address: Address, name: str, schema: Schema) -> None:
        self.name = name
        self._address = address
        self._schema = schema
        self._client: Client = client(address)
        self._tables = ClickHouseTables(address)
        self._run = uuid.uuid4().hex

    def close(self) -> None:
        """Let go of ClickHouse."""
        self._client.close()
        self._tables.close()

    def stored(self, partition: int, coordinates: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Stored]:
        """Return what is stored under coordinates.

        A broker that was made anew counts offsets from 0 again, so a coordinate is an offset and its broker's time.

        Args:
            partition: The raw partition.
            coordinates: Offsets and timestamps, the latter in milliseconds since 1970 UTC, in order of offsets.
        """
        query = f"""
            SELECT source_offset, toUnixTimestamp64Milli(source_time), redaction_rules, max(hold)
            FROM {self.name} WHERE {_range(partition, coordinates)} GROUP BY ALL
        """  # noqa: S608 - the name is one of ours, and the range is of numbers
        wanted = set(coordinates)
        found: dict[tuple[int, int], Stored] = {}
        try:
            rows = self._client.query(query).result_rows
        except (ClickHouseError, OSError) as error:
            raise unavailable(error, f"ClickHouse at {self._address}, table {self.name}") from error
        for offset, time_ms, stamp, hold in rows:
            if (offset, time_ms) in wanted:
                each = found.setdefault((offset, time_ms), Stored())
                each.stamps.add(stamp)
                each.held = each.held or bool(hold)
        return found

    def insert(self, partition: int, refined: Sequence[Refined]) -> None:
        """Insert rows; blocks until they are stored.

        Raises:
            TransientError: It may work later.
            RefusedDataError: One of them can't be stored; then none is, or those of some days.
        """
        rows = [
            Row(each.offset, each.message, 10, partition, each.offset, each.timestamp_ms, each.redaction_us)
            for each in refined
        ]
        # Of this run alone: a token that was used before would have the rows dropped for stored already.
        token = f"reprocess:{self._run}:{partition}:{refined[0].offset}-{refined[-1].offset}"
        self._tables.insert(self.name, container(self._schema, rows, coordinates=True), token)

    def delete_others(self, partition: int, coordinates: Sequence[tuple[int, int]], stamp: str) -> None:
        """Delete the rows of coordinates that have another stamp than this; blocks until nobody sees them any more.

        Those that were put on hold meanwhile stay.

        Raises:
            TransientError: It may work later.
        """
        offsets = ", ".join(str(offset) for offset, _ in coordinates)
        self._command(
            f"DELETE FROM {self.name} WHERE {_range(partition, coordinates)} AND source_offset IN ({offsets}) "  # noqa: S608 - as above
            "AND redaction_rules != {stamp:String} AND hold = 0",
            stamp=stamp,
        )

    def purge(self) -> None:
        """Rewrite the parts that hold deleted rows without them; blocks until it is done.

        Raises:
            TransientError: It may work later.
        """
        self._command(f"ALTER TABLE {self.name} APPLY DELETED MASK")

    def _command(self, statement: str, **parameters: str) -> None:
        try:
            self._client.command(statement, parameters=parameters, settings=_SYNC)
        except (ClickHouseError, OSError) as error:
            raise unavailable(error, f"ClickHouse at {self._address}, table {self.name}") from error


def _range(partition: int, coordinates: Collection[tuple[int, int]]) -> str:
    offsets = [offset for offset, _ in coordinates]
    times = [time_ms for _, time_ms in coordinates]
    return (
        f"source_partition = {partition:d} AND source_offset BETWEEN {min(offsets):d} AND {max(offsets):d} "
        f"AND source_time BETWEEN fromUnixTimestamp64Milli({min(times):d}, 'UTC') "
        f"AND fromUnixTimestamp64Milli({max(times):d}, 'UTC')"
    )


class NotStoredError(TransientError):
    """Rows that ClickHouse took are not there: nothing was deleted."""
