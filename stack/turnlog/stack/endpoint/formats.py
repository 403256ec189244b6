"""Content types of ClickHouse's output formats."""

from __future__ import annotations

from typing import Final

_TYPES: Final[dict[str, str]] = {
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "CSVWithNamesAndTypes": "text/csv; charset=UTF-8; header=present",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "XML": "application/xml; charset=UTF-8",
    "Markdown": "text/markdown; charset=UTF-8",
    "Null": "text/plain; charset=UTF-8",
    "Values": "text/plain; charset=UTF-8",
    "Vertical": "text/plain; charset=UTF-8",
    "SQLInsert": "text/plain; charset=UTF-8",
    "Prometheus": "text/plain; version=0.0.4; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "JSONLines": "application/x-ndjson; charset=UTF-8",
    "NDJSON": "application/x-ndjson; charset=UTF-8",
}
_BINARY: Final = "application/octet-stream"
_BY_PREFIX: Final[tuple[tuple[str, str], ...]] = (
    ("JSON", "application/json; charset=UTF-8"),
    ("PrettyJSON", "application/json; charset=UTF-8"),
    ("Pretty", "text/plain; charset=UTF-8"),
    ("TabSeparated", "text/tab-separated-values; charset=UTF-8"),
    ("TSV", "text/tab-separated-values; charset=UTF-8"),
    ("Custom", "text/plain; charset=UTF-8"),
    ("Template", "text/plain; charset=UTF-8"),
)


def content_type(name: str) -> str:
    """The Content-Type that ClickHouse sends with output format ``name``."""
    if name in _TYPES:
        return _TYPES[name]
    return next((kind for prefix, kind in _BY_PREFIX if name.startswith(prefix)), _BINARY)
