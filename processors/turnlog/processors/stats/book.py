"""The panes of one raw partition that events may still go into, and how a batch of events changes them.

Exactness needs two memories. Each pane knows the last raw offset it has absorbed. The book's *mark* is the raw offset
up to which everything has been absorbed and written: a clean topic may hold a second copy of a record (a replay, a
worker that had lost its partitions), and when a model was registered in between, the copy belongs to another pane,
which has never seen that offset. So what is not above the mark is skipped whatever its pane says.

Both memories live in the log of panes. A batch's panes are written in order by a producer that leaves no holes; the
last one carries the batch's own mark, all others carry the mark before. So a log that ends within a batch has that
batch's panes at some offsets and the mark below them, and reading the batch again completes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple

from turnlog.processors.stats.pane import Dimensions, Pane, PaneKey
from turnlog.schemas import Datum, Decoder, Encoder, Schema, SchemaStore, Source, load

MARGIN_US = 300_000_000
"""How much longer a pane is kept than it can change, for brokers whose clocks differ."""


class Event(NamedTuple):
    """A clean record, decoded.

    Attributes:
        datum: A ModelCall, or a LogRecord of type security.
        source: The raw record it was made from.
    """

    datum: Datum
    source: Source


class Kind(NamedTuple):
    """How records of a topic go into panes."""

    record: str
    dimensions: Callable[[Datum], Dimensions]
    fold: Callable[[Pane, Datum, Source], bool]


CALLS = Kind("ModelCall", Dimensions.of_call, Pane.fold_call)
SECURITY = Kind("LogRecord", Dimensions.of_security, Pane.fold_security)


class Change(NamedTuple):
    """A pane's new value: what goes into the log of panes.

    Attributes:
        key: The pane's key.
        version: Its last offset.
        value: The pane, encoded.
        mark: Raw offset up to which all is absorbed and written once this change is; -1 for none.
    """

    key: bytes
    version: int
    value: bytes
    mark: int


@dataclass(frozen=True)
class Changes:
    """What a batch does to a book: nothing, until :meth:`PaneBook.confirm`.

    Attributes:
        entries: What to write to the log of panes, in order and without holes: the last one carries the batch's mark.
        absorbed: How many events were new.
        skipped: How many had been absorbed before.
        stream_time: Highest broker time among the events, in microseconds.
    """

    entries: tuple[Change, ...]
    absorbed: int
    skipped: int
    stream_time: int


class PaneCodec:
    """Panes to bytes and back."""

    def __init__(self, store: SchemaStore) -> None:
        self._encoder = Encoder("Pane")
        self._decoder = Decoder("Pane", store)
        pane = load("Pane").definition
        version = {**pane, "fields": [each for each in pane["fields"] if each["name"] == "last_offset"]}
        self._version = Decoder(Schema.of(version), store)

    def encode(self, pane: Pane) -> bytes:
        """Return a pane's message.

        Raises:
            EncodeError: If it does not fit its schema.
        """
        return self._encoder.encode(pane.to_datum())

    def version(self, message: bytes | None) -> int:
        """Read only the last offset of a pane's message, in a quarter of the time.

        Raises:
            DecodeError: If it is not one.
        """
        return int(self._version.decode(message)["last_offset"])

    def decode(self, message: bytes | None) -> Pane:
        """Read a pane's message.

        Raises:
            DecodeError: If it is not one.
        """
        return Pane.from_datum(self._decoder.decode(message))


class PaneBook:
    """Panes of one raw partition, kept encoded: a fifth of the memory, and most are touched for seconds of their hour.

    Args:
        codec: Reads and writes panes.
    """

    def __init__(self, codec: PaneCodec) -> None:
        self._codec = codec
        self._panes: dict[bytes, tuple[int, bytes]] = {}
        self._closing: list[tuple[int, bytes]] = []
        self.mark = -1
        self.stream_time = 0

    def __len__(self) -> int:
        """Return how many panes are kept."""
        return len(self._panes)

    def get(self, key: bytes) -> Pane | None:
        """Return a pane, or None if it is not kept."""
        known = self._panes.get(key)
        return None if known is None else self._codec.decode(known[1])

    def load(self, key: bytes, value: bytes | None, mark: int) -> None:
        """Take over an entry of the log of panes; entries may come repeatedly and in any order.

        Of a pane's versions the highest wins, wherever it stands in the log: a worker that had lost its partitions may
        have written late. No value means that the pane was deleted.

        Raises:
            DecodeError: If the entry is not a pane.
        """
        self.mark = max(self.mark, mark)
        if value is None:
            self._panes.pop(key, None)
            return
        version, known = self._codec.version(value), self._panes.get(key)
        if known is None or known[0] < version:
            self._put(key, version, value)

    def fold(self, kind: Kind, events: Iterable[Event]) -> Changes:
        """Compute what a batch changes; the book itself stays as it is until :meth:`confirm`."""
        touched: dict[PaneKey, Pane] = {}
        mark, stream_time, absorbed, skipped = self.mark, self.stream_time, 0, 0
        for datum, source in events:
            if source.offset <= mark:
                skipped += 1
                continue
            mark = source.offset
            stream_time = max(stream_time, source.timestamp_ms * 1000)
            key = PaneKey.of(kind.dimensions(datum), datum["event_time"], source)
            pane = touched.get(key)
            if pane is None:
                pane = touched[key] = self.get(key.to_bytes()) or Pane(key)
            if kind.fold(pane, datum, source):
                absorbed += 1
            else:
                skipped += 1
        # A pane that had all of its events before is written too: the entry that carries the mark must exist.
        encoded = [(key.to_bytes(), pane.last_offset, self._codec.encode(pane)) for key, pane in touched.items()]
        marks = [self.mark] * (len(encoded) - 1) + [mark]
        entries = tuple(Change(*pane, at) for pane, at in zip(encoded, marks, strict=False))
        return Changes(entries, absorbed, skipped, stream_time)

    def confirm(self, changes: Changes) -> None:
        """Make a batch's changes the book's own: they are in the log now. Forgets panes that can't change any more."""
        for change in changes.entries:
            self._put(change.key, change.version, change.value)
            self.mark = max(self.mark, change.mark)
        self.stream_time = max(self.stream_time, changes.stream_time)
        while self._closing and self._closing[0][0] + MARGIN_US < self.stream_time:
            self._panes.pop(heappop(self._closing)[1], None)

    def _put(self, key: bytes, version: int, value: bytes) -> None:
        if key not in self._panes:
            heappush(self._closing, (PaneKey.from_bytes(key).closes_at, key))
        self._panes[key] = version, value
