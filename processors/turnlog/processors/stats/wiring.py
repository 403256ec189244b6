"""Statistics in the worker's app: two agents that keep panes, and a service that emits rolling windows."""

from __future__ import annotations

import asyncio
from threading import Event
from typing import Any

from mode import Service

from turnlog.processors.app import ProcessorApp
from turnlog.processors.stats.book import CALLS, SECURITY, Kind
from turnlog.processors.stats.log import PaneLog
from turnlog.processors.stats.rolling_log import RollingEmitter
from turnlog.processors.stats.stage import DeadLetters, PaneStage
from turnlog.processors.stats.writer import Writer
from turnlog.schemas import SchemaStore

SOURCES: dict[str, Kind] = {"calls": CALLS, "security": SECURITY}
"""Clean topics that panes are made from, without the prefix."""


def attach(app: ProcessorApp, store: SchemaStore, dead_letter: DeadLetters) -> None:
    """Add the agents and the service to an app that has not started.

    Args:
        app: The app.
        store: Writer schemas.
        dead_letter: Makes a dead letter of stage ``panes``.
    """
    connection = app.settings.kafka
    prefix = connection.prefix
    writer = Writer(connection)
    stage = PaneStage(
        f"{prefix}panes",
        PaneLog(connection, app.conf.id, [prefix + name for name in SOURCES]),
        store,
        write=writer.write,
        dead_letter=dead_letter,
        is_current=lambda batch: app.batches.is_next(batch),  # noqa: PLW0108 - the consumer comes when the app starts
    )
    for name, kind in SOURCES.items():
        _add_agent(app, stage, name, kind)
    app.service(_service(app, store, writer, f"{prefix}calls"))


def _add_agent(app: ProcessorApp, stage: PaneStage, name: str, kind: Kind) -> None:
    async def fold(stream: Any) -> None:
        async for batch in app.each_batch(stream):
            await stage.process(batch, kind)

    app.agent(app.stream_topic(name), name=f"panes-{name}", concurrency=1)(fold)


def _service(app: ProcessorApp, store: SchemaStore, writer: Writer, calls: str) -> type[Service]:
    """Return a Faust service class; Faust makes and starts the instance."""

    class RollingService(Service):
        """Runs the emitter's thread, and tells it which partitions the worker holds."""

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self._owned: frozenset[int] = frozenset()
            self._stop = Event()

        @Service.task
        async def _watch(self) -> None:
            while not self.should_stop:
                self._owned = frozenset(tp.partition for tp in app.consumer.assignment() if tp.topic == calls)
                await self.sleep(0.5)

        @Service.task
        async def _follow(self) -> None:
            emitter = RollingEmitter(app.settings.kafka, store, lambda: self._owned, writer.write_and_wait)
            await asyncio.to_thread(emitter.run, self._stop)

        async def on_stop(self) -> None:
            self._stop.set()
            writer.close()

    return RollingService
