"""Counts of a statement, as X-ClickHouse-Summary tells them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from turnlog.stack.endpoint.engine import Result


@dataclass(slots=True)
class Summary:
    """Rows and bytes read from storage, written, and in the result; ``seconds`` of work."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0
    seconds: float = 0.0

    def add(self, result: Result, *, insert: bool = False) -> None:
        """Count a result, or one piece of a streamed one."""
        self.read_rows = max(self.read_rows, result.storage_rows_read())
        self.read_bytes = max(self.read_bytes, result.storage_bytes_read())
        self.written_rows += result.rows_written()
        self.written_bytes += result.bytes_written()
        if insert:
            self.read_rows = max(self.read_rows, result.rows_read())
            self.read_bytes = max(self.read_bytes, result.bytes_read())
            self.result_rows, self.result_bytes = self.written_rows, self.written_bytes
        else:
            self.result_rows += result.rows_read()
            self.result_bytes += result.bytes_read()
        self.seconds = max(self.seconds, result.elapsed())

    def header(self) -> str:
        """The header's value; numbers are strings, as ClickHouse sends them."""
        return json.dumps(
            {
                "read_rows": str(self.read_rows),
                "read_bytes": str(self.read_bytes),
                "written_rows": str(self.written_rows),
                "written_bytes": str(self.written_bytes),
                "total_rows_to_read": str(self.read_rows),
                "result_rows": str(self.result_rows),
                "result_bytes": str(self.result_bytes),
                "elapsed_ns": str(int(self.seconds * 1e9)),
                "memory_usage": "0",
            },
            separators=(",", ":"),
        )
