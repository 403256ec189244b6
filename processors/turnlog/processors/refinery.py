"""What becomes of a raw record: decoded, checked, redacted, enriched, encoded; or a dead letter.

Pure: no Faust, no Kafka. Exactness (with :mod:`turnlog.processors.stage`): for the records of one raw partition, in
order, :meth:`Refinery.process` returns exactly one output each, in the same order: a clean record or a dead letter, for
the partition of the same number, with the raw coordinates in its headers, and always the same one, but for the header
that tells how long it took. Only a record that repeats an earlier one of
the raw partition has no output; which ones do depends on the raw partition alone
(:mod:`turnlog.processors.redelivery`), so that they are the same in every repetition. The stage writes outputs in that
order by one idempotent producer, which leaves no holes, and a batch is committed only after Kafka has acknowledged all
of them. So whatever dies and whenever, what stands in the clean partition is a run of outputs without holes, then
possibly another run that begins again at or before the place up to which everything was written. A reader that keeps
the highest source offset it has seen, per source partition, and skips what is not above it, therefore sees every output
exactly once: nothing below the mark is missing, and what comes next is either below it (a repetition) or the very next
one. Writers may overlap for a moment while a partition changes hands; each of them writes such runs, so the argument
stands.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from turnlog.processors.batch import RawRecord
from turnlog.processors.dead_letters import DeadLetters
from turnlog.processors.output import MAX_MESSAGE_BYTES, Output
from turnlog.processors.redaction import Redacts
from turnlog.processors.validation import validate
from turnlog.schemas import Datum, Decoder, Encoder, SchemaStore, Source, Topic, TransientError
from turnlog.schemas.codec import SINGLE_OBJECT
from turnlog.schemas.errors import TooLargeError
from turnlog.schemas.headers import AVRO, CONTENT_TYPE, PRODUCER, REDACTION_US, SOURCE, TRACEPARENT, get
from turnlog.schemas.topics import clean_name

MAX_AHEAD_US = 5 * 60 * 1_000_000
"""How far an event may be ahead of the broker's clock, microseconds, before its time is set to the broker's."""

_ROOM = 64 * 1024
"""Left free in a message for its headers and framing."""

_PASSED_ON = {
    PRODUCER: re.compile(rb"[0-9a-fA-F-]{36}:[0-9]{1,19}"),
    TRACEPARENT: re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"),
}
"""Headers that are copied to clean records, and the form in which they can't hold anything personal."""

Enrich = Callable[[Datum], Datum]


class KeyOf(Protocol):
    """Chooses a clean record's key."""

    def __call__(self, datum: Datum) -> str | None:
        """Return the key's text."""


def by_conversation(datum: Datum) -> str | None:
    """Key for everything that belongs to a chat: so a chat's events stay together."""
    key: str | None = datum["conversation_id"] or datum["trace_id"]
    return key


_KEYS: dict[str, str] = {"ModelVersion": "model_version_id", "Dataset": "dataset_id", "DeploymentEvent": "chatbot"}


def key_of(record: str) -> KeyOf:
    """Return how a record's key is chosen."""
    field = _KEYS.get(record)
    return by_conversation if field is None else lambda datum: datum[field]


class Refinery:
    """Refines the records of one raw topic.

    Args:
        topic: The raw topic.
        prefix: Put before topics' names.
        store: Writer schemas.
        redactor: Redacts records.
        enrich: Fills in what is known about a redacted record; None for nothing.
        dead_letters: Makes dead letters.
        clock_ns: Monotonic, in nanoseconds.
    """

    def __init__(
        self,
        topic: Topic,
        prefix: str,
        store: SchemaStore,
        *,
        redactor: Redacts,
        dead_letters: DeadLetters,
        enrich: Enrich | None = None,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self.topic = prefix + topic.name
        self.record = topic.record
        self._clean_topic = prefix + clean_name(topic.name)
        self._store = store
        self._decode = Decoder(topic.record, store, max_bytes=topic.max_bytes).decode
        self._encode = Encoder(topic.record).encode
        self._key_of = key_of(topic.record)
        self._redactor = redactor
        self._enrich = enrich
        self._dead_letters = dead_letters
        self._clock_ns = clock_ns

    def unknown(self, records: Sequence[RawRecord]) -> set[bytes]:
        """Return fingerprints in the records' headers that the store has no schema for."""
        found = {each.value[2:10] for each in records if each.value and each.value[:2] == SINGLE_OBJECT}
        return {each for each in found if len(each) == 8 and self._store.by_fingerprint(each) is None}

    def process(
        self, records: Sequence[RawRecord], partition: int, doubles: AbstractSet[int] = frozenset()
    ) -> list[Output]:
        """Return one output for each record of a partition, in order.

        Args:
            records: The records.
            partition: Their partition.
            doubles: Offsets of records that repeat earlier ones and have no output.

        Raises:
            TransientError: If a schema registry does not answer; the call can be repeated.
        """
        if doubles:
            records = [each for each in records if each.offset not in doubles]
        return [self._refine(record, partition) for record in records]

    def _refine(self, record: RawRecord, partition: int) -> Output:
        try:
            return self._clean(record, partition)
        except TransientError:
            raise
        except Exception as error:  # noqa: BLE001 - one record must not stop those behind it, whatever is wrong with it
            return self._dead_letters.letter(self.topic, partition, record, error)

    def datum(self, record: RawRecord) -> Datum:
        """Return a record decoded, checked and redacted.

        Raises:
            DecodeError: If it can't be read or holds values that can't be.
            TransientError: If a schema registry does not answer.
        """
        return self._redactor.redact(self._checked(record), self.record)

    def _checked(self, record: RawRecord) -> Datum:
        datum = self._decode(record.value)
        validate(datum, self.record)
        ingest_us = record.timestamp_ms * 1000
        datum["ingest_time"] = ingest_us
        datum["time_clamped"] = datum["event_time"] > ingest_us + MAX_AHEAD_US
        if datum["time_clamped"]:
            datum["event_time"] = ingest_us
        return datum

    def clean_datum(self, record: RawRecord) -> Datum:
        """Return a record of the clean topic, decoded; redacted it is already.

        Raises:
            DecodeError: If it can't be read.
            TransientError: If a schema registry does not answer.
        """
        return self._decode(record.value)

    def _clean(self, record: RawRecord, partition: int) -> Output:
        datum = self._checked(record)
        began = self._clock_ns()
        datum = self._redactor.redact(datum, self.record)
        took_us = (self._clock_ns() - began) // 1000
        if self._enrich is not None:
            datum = self._enrich(datum)
        value = self._encode(datum)
        key = self._key_of(datum)
        raw_key = None if key is None else key.encode("utf-8", "surrogatepass")
        if len(value) + len(raw_key or b"") > MAX_MESSAGE_BYTES - _ROOM:
            raise TooLargeError(f"{len(value)} bytes after redaction, more than a clean topic takes")
        source = Source(self.topic, partition, record.offset, record.timestamp_ms)
        headers = [(SOURCE, source.to_bytes()), (CONTENT_TYPE, AVRO), (REDACTION_US, b"%d" % took_us)]
        for name, form in _PASSED_ON.items():
            header = get(record.headers, name)
            if header is not None and form.fullmatch(header):
                headers.append((name, header))
        return Output(self._clean_topic, partition, raw_key, value, headers)
