"""Raw records to clean ones by the present rules, keys and catalogue, as the processors do it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import NamedTuple, Self

from turnlog.processors.batch import RawRecord
from turnlog.processors.settings import ProcessorSettings
from turnlog.processors.worker import Parts
from turnlog.schemas import Decoder, Encoder, KafkaConnection, Schema, SettingError, Topic, load
from turnlog.schemas.headers import REDACTION_US, get, parse_redaction_us
from turnlog.schemas.topics import clean_name

_NAME = re.compile(r"[A-Za-z0-9._-]{1,40}")


class Refined(NamedTuple):
    """A record refined anew.

    Attributes:
        offset: Where the raw record stands.
        timestamp_ms: When its broker took it.
        stamp: Which rules refined it, and under which name.
        message: The clean record.
        redaction_us: Microseconds that redacting it took.
    """

    offset: int
    timestamp_ms: int
    stamp: str
    message: bytes
    redaction_us: int


class Refining:
    """Refines records; a context manager, which lets go of Kafka.

    Args:
        settings: The processors' settings.
        connection: How to reach Kafka.
        name: Goes behind the rules' version in the stamp of what is refined, so that what the same rules have refined
            before counts as refined by others; empty for nothing.
        warn: Told in a sentence what is being waited for.

    Raises:
        SettingError: If a setting can't be right.
    """

    def __init__(
        self, settings: ProcessorSettings, connection: KafkaConnection, name: str, warn: Callable[[str], None]
    ) -> None:
        if name and not _NAME.fullmatch(name):
            raise SettingError("a run's name has at most 40 letters, digits and . _ -")
        self._suffix = f"+{name}" if name else ""
        self._parts = Parts(settings, warn, connection)
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of Kafka."""
        self._parts.producer.close()
        self._runner.close()

    def schema(self, topic: Topic) -> Schema:
        """Return the schema of what a raw topic's records become."""
        return load(topic.record)

    def refine(self, topic: Topic, partition: int, records: Iterable[RawRecord]) -> list[Refined]:
        """Return what becomes of records of a raw topic; those that can't be refined are left out.

        Raises:
            TransientError: If Kafka or a schema registry does not answer.
        """
        listed = list(records)
        refinery = self._parts.refinery(topic)
        unknown = refinery.unknown(listed)
        if unknown:
            self._runner.run(self._parts.schemas.learn(unknown))
        if topic.record == "ModelCall":
            self._runner.run(self._parts.catalogue_reader.catch_up(time.monotonic()))
        clean = self._parts.prefix + clean_name(topic.name)
        decode = Decoder(topic.record, self._parts.store, 1 << 30).decode
        encode = Encoder(topic.record).encode
        found = []
        for record, output in zip(listed, refinery.process(listed, partition), strict=True):
            if output.topic != clean:
                continue  # a dead letter, which is not sent
            datum = decode(output.value)
            stamp = f"{datum['redaction_rules']}{self._suffix}"
            message = encode({**datum, "redaction_rules": stamp}) if self._suffix else output.value
            took_us = parse_redaction_us(get(output.headers, REDACTION_US))
            found.append(Refined(record.offset, record.timestamp_ms, stamp, message, took_us))
        return found
