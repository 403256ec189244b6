"""Statistics in the worker's app: two agents that keep panes, and a service that emits rolling windows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Event
from typing import Any

from mode import Service

from turnlog.processors.app import ProcessorApp
from turnlog.processors.output import Delivery, Output, OutputProducer
from turnlog.processors.stats.book import CALLS, SECURITY, Kind
from turnlog.processors.stats.log import PaneLog
from turnlog.processors.stats.rolling_log import RollingEmitter
from turnlog.processors.stats.stage import DeadLetters, PaneStage, Warn, Write
from turnlog.schemas import SchemaStore

SOURCES: dict[str, Kind] = {"calls": CALLS, "security": SECURITY}
"""Clean topics that panes are made from, without the prefix."""

_OWNED_SECONDS = 0.5


def attach(
    app: ProcessorApp, store: SchemaStore, producer: OutputProducer, dead_letter: DeadLetters, warn: Warn
) -> None:
    """Add the agents and the service to an app that has not started.

    Args:
        app: The app.
        store: Writer schemas.
        producer: Writes panes, rolling rows and dead letters.
        dead_letter: Makes a dead letter of stage ``panes``.
        warn: Told in a sentence what is being waited for; called from several threads.
    """
    connection = app.settings.kafka
    prefix = connection.prefix

    async def write(outputs: Iterable[Output]) -> None:
        delivery = Delivery()
        await producer.send(outputs, delivery)
        await delivery.done()

    stage = PaneStage(
        f"{prefix}panes",
        PaneLog(connection, app.conf.id, [prefix + name for name in SOURCES]),
        store,
        write=write,
        dead_letter=dead_letter,
        is_current=lambda batch: app.batches.is_next(batch),  # noqa: PLW0108 - the consumer comes when the app starts
        warn=warn,
    )
    for name, kind in SOURCES.items():
        _add_agent(app, stage, name, kind)
    app.service(_service(app, store, write, warn))


def _add_agent(app: ProcessorApp, stage: PaneStage, name: str, kind: Kind) -> None:
    async def fold(stream: Any) -> None:
        async for batch in app.each_batch(stream):
            await stage.process(batch, kind)

    app.agent(app.stream_topic(name), name=f"panes-{name}", concurrency=1)(fold)


def _service(app: ProcessorApp, store: SchemaStore, write: Write, warn: Warn) -> type[Service]:
    """Return a Faust service class; Faust makes and starts the instance."""
    calls = f"{app.settings.kafka.prefix}calls"

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
                await self.sleep(_OWNED_SECONDS)

        @Service.task
        async def _follow(self) -> None:
            blocking = _from_thread(write, asyncio.get_running_loop(), self._stop)
            emitter = RollingEmitter(app.settings.kafka, store, owned=lambda: self._owned, write=blocking, warn=warn)
            await asyncio.to_thread(emitter.run, self._stop)

        async def on_stop(self) -> None:
            self._stop.set()

    return RollingService


def _from_thread(write: Write, loop: asyncio.AbstractEventLoop, stop: Event) -> Callable[[Iterable[Output]], None]:
    """Return a function for another thread that writes on the loop and waits, until told to stop."""

    def wait(outputs: Iterable[Output]) -> None:
        writing = asyncio.run_coroutine_threadsafe(write(outputs), loop)
        while not stop.is_set():
            with suppress(TimeoutError):
                return writing.result(0.2)
        writing.cancel()  # rows that are not there yet are emitted by whoever owns their keys next
        return None

    return wait
