"""Puts a worker together: the refining stage of every raw topic, and statistics on top."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import structlog

from turnlog.processors.app import ProcessorApp, create_app
from turnlog.processors.batch import Batch, RawRecord
from turnlog.processors.catalogue_reader import CatalogueReader
from turnlog.processors.dead_letters import DeadLetters
from turnlog.processors.enrichment import Catalogue
from turnlog.processors.lookback import LookBack
from turnlog.processors.meter import Meter
from turnlog.processors.output import Output, OutputProducer
from turnlog.processors.policies import configured, redactor_of
from turnlog.processors.redaction import Pseudonyms
from turnlog.processors.refinery import Refinery
from turnlog.processors.schema_reader import SchemaReader
from turnlog.processors.settings import ProcessorSettings
from turnlog.processors.stage import RefineStage
from turnlog.processors.stats.wiring import SOURCES, attach
from turnlog.processors.tail import Tail
from turnlog.schemas import KafkaConnection, PoisonError, SchemaStore, Topic, raw_topics
from turnlog.schemas.registry import ConfluentRegistry
from turnlog.schemas.topics import BY_NAME

SCAN_SECONDS = 2.0
"""How long the scan of one text may take; a text that takes longer is withheld."""

JOINED = ("models", "deployments")
"""Topics that calls are joined with."""


def build(settings: ProcessorSettings, warn: Callable[[str], None]) -> ProcessorApp:
    """Return an app with every agent, ready to be run by a Faust worker.

    Args:
        settings: The worker's settings.
        warn: Told in a sentence what is being waited for; called from several threads.

    Raises:
        SettingError: If a setting or a rules file can't be right.
    """
    app = create_app(settings, [*(topic.name for topic in raw_topics()), *SOURCES])
    parts = Parts(settings, warn)
    for topic in raw_topics():
        add_agent(app, topic, parts)
    attach(app, parts.store, parts.producer, parts.dead_pane, warn)

    app.on_before_shutdown.connect(parts.on_shutdown, weak=False)  # type: ignore[arg-type]  # it names no argument
    return app


class Parts:
    """What the agents of one worker share.

    Args:
        settings: The worker's settings.
        warn: Told in a sentence what is being waited for.
        kafka: How to reach Kafka, where it is not as the environment says.

    Raises:
        SettingError: If a setting or a rules file can't be right.
    """

    def __init__(
        self, settings: ProcessorSettings, warn: Callable[[str], None], kafka: KafkaConnection | None = None
    ) -> None:
        connection = kafka or settings.kafka
        self.warn = warn
        self.prefix = connection.prefix
        url = settings.schema_registry_url
        self.store = SchemaStore(ConfluentRegistry(url) if url else None)
        self._keys = settings.keys()
        self._pseudonyms = Pseudonyms(self._keys.ring())
        redactor = redactor_of(configured(settings.redaction), self._pseudonyms, SCAN_SECONDS)
        log = structlog.get_logger("turnlog.processors").bind(worker=settings.worker_id)
        self.redactor = Meter(redactor, log.info)
        self.catalogue = Catalogue()
        self.producer = OutputProducer(connection, warn)
        self.look_back = LookBack(connection)
        self._dead = DeadLetters(f"{self.prefix}dlq", "redact", _now_us)
        self._dead_panes = DeadLetters(f"{self.prefix}dlq", "panes", _now_us)
        schemas = Tail(connection, [f"{self.prefix}schemas"])
        joined = Tail(connection, [f"{self.prefix}{each}" for name in JOINED for each in (name, f"raw.{name}")])
        self._tails = (schemas, joined)
        self.schemas = SchemaReader(schemas, self.store, time.monotonic)
        put = {"models": self.catalogue.put_model, "deployments": self.catalogue.put_deployment}
        refineries = {name: self.refinery(BY_NAME[f"raw.{name}"]) for name in JOINED}
        self.catalogue_reader = CatalogueReader(
            joined,
            {
                **{f"{self.prefix}raw.{name}": each.datum for name, each in refineries.items()},
                **{f"{self.prefix}{name}": each.clean_datum for name, each in refineries.items()},
            },
            {f"{self.prefix}{raw}{name}": each for name, each in put.items() for raw in ("raw.", "")},
            time.monotonic,
        )

    def refinery(self, topic: Topic) -> Refinery:
        """Return the pure part of a raw topic's stage."""
        enrich = self.catalogue.enrich if topic.record == "ModelCall" else None
        return Refinery(topic, self.prefix, self.store, redactor=self.redactor, dead_letters=self._dead, enrich=enrich)

    def refresh_keys(self) -> None:
        """Go on with the keys as they are now.

        Called when a batch is in hand: a key epoch is published before it begins, so whoever holds a record of that
        epoch finds its key here.

        Raises:
            TransientError: If they have changed and can't be read yet.
        """
        self._pseudonyms.use(self._keys.ring())

    def dead_pane(self, batch: Batch, record: RawRecord, error: PoisonError) -> Output:
        """Return the dead letter of a clean record that statistics can't take."""
        return self._dead_panes.letter(batch.topic, batch.partition, record, error)

    def on_shutdown(self, app: Any, *_: Any, **__: Any) -> None:  # noqa: ARG002 - the signature of Faust's signals
        """Leave Kafka."""
        self.producer.close()


def add_agent(app: ProcessorApp, topic: Topic, parts: Parts) -> None:
    """Add the agent that refines a raw topic."""
    refinery = parts.refinery(topic)

    async def prepare(batch: Batch) -> None:
        parts.refresh_keys()
        unknown = refinery.unknown(batch.records)
        if unknown:
            await parts.schemas.learn(unknown)
        if topic.record == "ModelCall":
            await parts.catalogue_reader.catch_up(batch.fetched)

    def is_current(batch: Batch) -> bool:
        return app.batches.is_next(batch)

    stage = RefineStage(refinery, parts.producer, prepare, is_current, parts.warn, find_doubles=parts.look_back.doubles)

    async def refine(stream: Any) -> None:
        async for batch in app.each_batch(stream):
            await stage.process(batch)

    app.agent(app.stream_topic(topic.name), name=f"refine-{topic.name}", concurrency=1)(refine)


def _now_us() -> int:
    return time.time_ns() // 1000
