"""Stores a batch, and finds the rows that can't be stored when it is refused."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from turnlog.schemas import Datum, Decoder, PoisonError, Schema, SchemaStore, Source
from turnlog.schemas.errors import InvalidDatumError, TrailingBytesError
from turnlog.sinks.batch import Batch, Item
from turnlog.sinks.errors import RefusedDataError, UnavailableError
from turnlog.sinks.letter import Letter
from turnlog.sinks.routes import Route
from turnlog.sinks.splice import container
from turnlog.sinks.tables import Tables


class Loaded(NamedTuple):
    """What became of a batch."""

    rows: int
    letters: int


class Loader:
    """Stores batches; several threads may do so at once.

    Every insert's token names exactly what it holds, and poison is found by the same steps each time; so a batch that
    was interrupted anywhere can be loaded again, and nothing is stored twice.

    Args:
        tables: Where rows go.
        post: Sends dead letters and returns when the broker has them.
    """

    def __init__(self, tables: Tables, post: Callable[[Sequence[Letter]], None]) -> None:
        self._tables = tables
        self._post = post

    def load(self, batch: Batch, route: Route) -> Loaded:
        """Store a batch's rows and send its dead letters. Blocks until both are done.

        Raises:
            TransientError: It may work later; then the whole batch is to be loaded again.
        """
        letters = list(batch.letters)
        if batch.schema is not None and batch.items:
            try:
                self._insert(batch, route, batch.items, batch.seal.token)
            except RefusedDataError as error:
                letters += self._without_poison(batch, route, batch.schema, error)
        letters.sort(key=lambda each: each.source.offset)
        if letters:
            self._post(letters)
        return Loaded(len(batch.items) + len(batch.letters) - len(letters), len(letters))

    def _insert(self, batch: Batch, route: Route, items: Sequence[Item], token: str) -> None:
        assert batch.schema is not None
        rows = [item.row for item in items if item.row is not None]
        self._tables.insert(route.table, container(batch.schema, rows, coordinates=route.coordinates), token)

    def _without_poison(self, batch: Batch, route: Route, schema: Schema, refusal: RefusedDataError) -> list[Letter]:
        try:
            self._insert(batch, route, (), "")
        except RefusedDataError as error:
            # No row at all is refused as well: it is the table that does not fit.
            raise UnavailableError(f"the table does not fit {schema.name}: {error}", error.code) from refusal
        letters = []
        good = []
        check = _Check(schema)
        for item in batch.items:
            try:
                check(item)
            except PoisonError as error:
                letters.append(_letter(batch, item, error))
            else:
                good.append(item)
        if not good:
            return letters
        if letters:
            excluded = ",".join(str(each.source.offset) for each in letters).encode()
            token = f"{batch.seal.token}/-{blake2b(excluded, digest_size=8).hexdigest()}"
            try:
                self._insert(batch, route, good, token)
            except RefusedDataError as error:
                refusal = error
            else:
                return letters
        return letters + self._halves(batch, route, good, refusal)

    def _halves(self, batch: Batch, route: Route, items: Sequence[Item], refusal: RefusedDataError) -> list[Letter]:
        """Store what can be stored of items that were refused together."""
        if len(items) == 1:
            return [_letter(batch, items[0], refusal)]
        letters = []
        middle = len(items) // 2
        for half in (items[:middle], items[middle:]):
            try:
                self._insert(batch, route, half, batch.seal.token_of(half[0].offset, half[-1].offset))
            except RefusedDataError as error:
                letters += self._halves(batch, route, half, error)
        return letters


class _Check:
    """Reads a row as its writer's schema says, and looks at what the codec does not."""

    def __init__(self, schema: Schema) -> None:
        store = SchemaStore()
        store.add(schema)
        self._decoder = Decoder(schema, store)
        self._header = b"\xc3\x01" + schema.fingerprint
        self._uuids = tuple(_uuids(schema.definition))

    def __call__(self, item: Item) -> None:
        assert item.row is not None
        try:
            datum: Datum = self._decoder.decode(self._header + item.row.message[item.row.start :])
        except TrailingBytesError:
            return  # ClickHouse passes over what follows a record in its block; in any batch, then
        for name in self._uuids:
            try:
                uuid.UUID(datum[name])
            except ValueError:
                raise InvalidDatumError(f"{name} is not a UUID") from None


def _uuids(definition: Mapping[str, Any]) -> list[str]:
    return [
        str(each["name"])
        for each in definition["fields"]
        if isinstance(each["type"], dict) and each["type"].get("logicalType") == "uuid"
    ]


def _letter(batch: Batch, item: Item, error: Exception) -> Letter:
    assert item.row is not None
    source = Source(batch.seal.topic, batch.seal.partition, item.offset, item.time_ms)
    # ClickHouse's message may quote the value that it refuses.
    code = getattr(error, "code", None)
    text = f"{batch.seal.table} refused it: ClickHouse code {code}" if code is not None else str(error)
    return Letter(source, item.key, item.row.message, item.origin, type(error).__name__, text)
