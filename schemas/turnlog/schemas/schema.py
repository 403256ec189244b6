"""Avro schemas as values: loaded from the .avsc files beside this module, parsed once, named by their fingerprint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from fastavro import parse_schema
from fastavro.schema import fingerprint, to_parsing_canonical_form

from turnlog.schemas.errors import SettingError

Datum = dict[str, Any]
"""A decoded record: field name → value. Timestamps are integers, decimals and UUIDs as they travel."""

FOLDER = Path(__file__).parent
NAMESPACE = "turnlog.v1"

RECORDS = (
    "ModelCall",
    "Step",
    "LogRecord",
    "Score",
    "DeploymentEvent",
    "ModelVersion",
    "Dataset",
    "PrivacyRequest",
    "AuditEvent",
    "Pane",
    "Rolling",
    "DeadLetter",
)


@dataclass(frozen=True)
class Schema:
    """An Avro record schema.

    Attributes:
        name: The record's name without its namespace, such as ``ModelCall``.
        definition: The schema as in its file, docs included.
        fingerprint: CRC-64-AVRO of the parsing canonical form, 8 bytes, little endian, as it travels.
        plain: The parsed schema without logical types, which is what the codec reads and writes: integers of
            microseconds are an order of magnitude cheaper than datetimes, and can't overflow one.
    """

    name: str
    definition: Mapping[str, Any] = field(repr=False, hash=False, compare=False)
    fingerprint: bytes
    plain: Any = field(repr=False, hash=False, compare=False)

    @classmethod
    def of(cls, definition: Mapping[str, Any]) -> Schema:
        """Parse a record schema.

        Raises:
            SettingError: If it is not a valid Avro record schema.
        """
        try:
            canonical = to_parsing_canonical_form(dict(definition))
            plain = parse_schema(_without_logical_types(definition))
            name = str(definition["name"]).rpartition(".")[2]
        except Exception as error:
            raise SettingError(f"not an Avro record schema: {error}") from error
        return cls(name, definition, bytes.fromhex(fingerprint(canonical, "CRC-64-AVRO")), plain)

    @classmethod
    def from_json(cls, text: str | bytes) -> Schema:
        """Parse a record schema from its JSON.

        Raises:
            SettingError: If it is not JSON or not a valid Avro record schema.
        """
        try:
            definition = json.loads(text)
        except ValueError as error:
            raise SettingError(f"not JSON: {error}") from error
        if not isinstance(definition, dict):
            raise SettingError("not an Avro record schema: no JSON object")
        return cls.of(definition)

    def to_json(self) -> str:
        """Return the definition as JSON on one line."""
        return json.dumps(self.definition, ensure_ascii=False, separators=(",", ":"))

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the record's fields, in order."""
        return tuple(str(each["name"]) for each in self.definition["fields"])


@cache
def load(record: str) -> Schema:
    """Return the current schema of a record, parsed once per process.

    Raises:
        SettingError: If there is no such record.
    """
    if record not in RECORDS:
        raise SettingError(f"no record named {record!r}; there are {', '.join(RECORDS)}")
    return Schema.from_json((FOLDER / "avro" / f"{_file_stem(record)}.avsc").read_text("utf-8"))


@cache
def released() -> Mapping[int, Mapping[str, Schema]]:
    """Return every released version's schemas: release number → record name → schema."""
    releases = sorted(int(each.name) for each in (FOLDER / "released").iterdir() if each.name.isdigit())
    return {
        number: {
            schema.name: schema
            for path in sorted((FOLDER / "released" / str(number)).glob("*.avsc"))
            for schema in [Schema.from_json(path.read_text("utf-8"))]
        }
        for number in releases
    }


def _file_stem(record: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in record).lstrip("_")


def _without_logical_types(node: Any) -> Any:
    if isinstance(node, Mapping):
        return {key: _without_logical_types(value) for key, value in node.items() if key != "logicalType"}
    if isinstance(node, list):
        return [_without_logical_types(each) for each in node]
    return node
