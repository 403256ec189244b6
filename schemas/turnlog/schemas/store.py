"""Where writer schemas are found by what stands in a message's header."""

from __future__ import annotations

from typing import Protocol

from turnlog.schemas.schema import RECORDS, Schema, load, released


class Registry(Protocol):
    """A Confluent-compatible schema registry, as far as the codec needs one."""

    def schema_of(self, schema_id: int) -> Schema | None:
        """Return the schema with that id, or None if there is none; may block on the network."""

    def id_of(self, subject: str, schema: Schema) -> int:
        """Register the schema under the subject if it is new, and return its id; may block on the network."""


class SchemaStore:
    """Schemas by fingerprint: this version's, every released one, and what others have published.

    Readers that follow the schema topic call :meth:`add` with what they read there.
    """

    def __init__(self, registry: Registry | None = None) -> None:
        """Start with the schemas that ship with turnlog."""
        self.registry = registry
        self._by_fingerprint: dict[bytes, Schema] = {}
        self._by_id: dict[int, Schema] = {}
        for versions in released().values():
            for schema in versions.values():
                self.add(schema)
        for record in RECORDS:
            self.add(load(record))

    def add(self, schema: Schema) -> None:
        """Make a schema known."""
        self._by_fingerprint[schema.fingerprint] = schema

    def by_fingerprint(self, fingerprint: bytes) -> Schema | None:
        """Return the schema with that 8-byte fingerprint, or None."""
        return self._by_fingerprint.get(fingerprint)

    def by_id(self, schema_id: int) -> Schema | None:
        """Return the registry's schema with that id, or None; asks the registry once per id."""
        schema = self._by_id.get(schema_id)
        if schema is None and self.registry is not None:
            schema = self.registry.schema_of(schema_id)
            if schema is not None:
                self._by_id[schema_id] = schema
        return schema
