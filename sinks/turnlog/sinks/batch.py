"""Cuts what was read of a partition into batches: a pure function, so that a batch can be rebuilt exactly."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from turnlog.schemas import Schema, Source
from turnlog.schemas.errors import UnknownSchemaError
from turnlog.sinks.letter import Letter
from turnlog.sinks.seal import Marks, Position, Seal, is_new
from turnlog.sinks.splice import Row


class Item(NamedTuple):
    """A message as it was read.

    Attributes:
        row: What is to be stored, or None for a tombstone or a dead letter.
        schema: The writer schema of the row.
        mark: The source whose mark tells whether the message is new, or None if it always is.
        mark_offset: Its offset there.
        letter: Why it can't be stored, for a message that can't be read at all.
        key: The message's key.
        origin: Its ``producer`` header.
        time_ms: Its own broker timestamp.
        offset: Its own offset.
        size: Its bytes.
    """

    row: Row | None
    schema: Schema | None
    mark: str | None
    mark_offset: int
    letter: Letter | None
    key: bytes | None
    origin: bytes | None
    time_ms: int
    offset: int
    size: int


@dataclass(frozen=True)
class Limits:
    """How large a batch may be.

    Attributes:
        rows: Most rows; below ClickHouse's ``max_insert_block_size``, so that an insert is one block or nothing.
        size: Most bytes; a larger message is a batch of its own.
    """

    rows: int = 50_000
    size: int = 32 * 1024 * 1024


@dataclass(frozen=True)
class Batch:
    """What is stored at once.

    Attributes:
        seal: Its offsets.
        schema: Writer schema of its rows; None if it has none.
        items: The new messages among them that have rows.
        letters: Those that can't be read.
        before: Marks before it.
        after: Marks after it.
        taken: How many of the messages it was cut from it covers.
        size: Their bytes.
    """

    seal: Seal
    schema: Schema | None
    items: tuple[Item, ...]
    letters: tuple[Letter, ...]
    before: Marks
    after: Marks
    taken: int
    size: int


def cut(
    items: Iterable[Item],
    marks: Marks,
    place: tuple[str, int, str],
    first: int,
    *,
    limits: Limits | None = None,
    pending: Position | None = None,
) -> Batch:
    """Cut the next batch: up to a change of schema or the limits, or what a pending seal says.

    Args:
        items: What was read, in order.
        marks: High-water marks before it.
        place: Topic, partition and table.
        first: The offset that it begins at; may lie below that of the first item.
        limits: How large it may be; without them, everything is taken.
        pending: A pending seal: what was made of it before is made of it again, whatever the limits are now. A message
            of another schema was a dead letter then, for want of its schema, and stays one.
    """
    last = None if pending is None else pending.last
    after = dict(marks)
    chosen: list[Item] = []
    letters: list[Letter] = []
    schema: Schema | None = None
    size = taken = 0
    end = first - 1
    for item in items:
        if last is not None and item.offset > last:
            break
        if limits is not None and taken and (taken >= limits.rows or size + item.size > limits.size):
            break
        if pending is not None and item.schema is not None and item.schema.fingerprint.hex() != pending.schema:
            item = _unreadable(item, place)  # noqa: PLW2901 - from here on it is one
        if item.schema is not None and schema is not None and item.schema.fingerprint != schema.fingerprint:
            break
        if item.mark is None or is_new(after, item.mark, item.mark_offset):
            if item.letter is not None:
                letters.append(item.letter)
            elif item.row is not None:
                schema = schema or item.schema
                chosen.append(item)
        taken += 1
        size += item.size
        end = item.offset
    topic, partition, table = place
    if pending is not None and last is not None:
        seal = Seal(topic, partition, first, last, pending.table, pending.schema)
    else:
        seal = Seal(topic, partition, first, end, table, "" if schema is None else schema.fingerprint.hex())
    return Batch(seal, schema, tuple(chosen), tuple(letters), dict(marks), after, taken, size)


def _unreadable(item: Item, place: tuple[str, int, str]) -> Item:
    source = Source(place[0], place[1], item.offset, item.time_ms)
    message = b"" if item.row is None else item.row.message
    letter = Letter(source, item.key, message, item.origin, UnknownSchemaError.__name__, "schema unknown when sealed")
    return item._replace(row=None, schema=None, letter=letter)
