"""One worker's life: settings, waiting for Kafka, Faust, and the end."""

from __future__ import annotations

import asyncio
import os
import signal
from threading import Event, Thread
from types import FrameType
from typing import Any, NoReturn

import structlog
from faust import Worker

from turnlog.processors.app import ProcessorApp
from turnlog.processors.logs import configure
from turnlog.processors.policies import configured
from turnlog.processors.preconditions import await_topics
from turnlog.processors.settings import ProcessorSettings
from turnlog.processors.worker import build

DEATH_SECONDS = 10.0
"""How long a worker may take to go down, from a crash or a signal, before it is ended the hard way: what it had not
committed is done again, so nothing is lost by it."""


def run() -> int:
    """Run a worker until a signal or a failure ends it; returns the exit code.

    Raises:
        UserError: If a setting is wrong.
    """
    settings = ProcessorSettings.read()
    kafka = settings.kafka
    settings.keys()
    configured(settings.redaction)
    configure(settings.log_format, settings.log_level)
    log = structlog.get_logger("turnlog.processors").bind(worker=settings.worker_id)
    stop = Event()

    def end(number: int, _: FrameType | None) -> None:
        log.info("stopping", signal=signal.Signals(number).name)
        stop.set()

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, end)
    if settings.ready_file is not None:
        settings.ready_file.unlink(missing_ok=True)
    if not await_topics(kafka, log.warning, stop.wait):
        return 0
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app = build(settings, lambda sentence: log.warning("waiting", reason=sentence))
    _announce(app, settings, log)
    log.info("joining", group=app.conf.id, kafka=kafka.bootstrap_servers)
    return _work(app, loop, log, stop)


def _announce(app: ProcessorApp, settings: ProcessorSettings, log: Any) -> None:
    """Say when the worker has its partitions, and touch the ready file."""

    async def on_assigned(*_: Any, **__: Any) -> None:
        log.info("ready", partitions=len(app.consumer.assignment()))
        if settings.ready_file is not None:
            settings.ready_file.parent.mkdir(parents=True, exist_ok=True)
            settings.ready_file.touch()

    app.on_rebalance_complete.connect(on_assigned, weak=False)


def _work(app: ProcessorApp, loop: asyncio.AbstractEventLoop, log: Any, stop: Event) -> int:
    worker = Worker(app, loop=loop, override_logging=False, redirect_stdouts=False, quiet=True)
    worker.spinner = None
    # Faust's own handlers replace the ones above once its loop runs; a signal in between must not be forgotten.
    if stop.is_set():
        return 0
    Thread(target=_see_it_die, args=(worker, app, log), name="last resort", daemon=True).start()
    try:
        worker.execute_from_commandline()
    except SystemExit as ended:
        return 0 if not ended.code and not _crashed(worker, app) else 1


def _crashed(worker: Worker, app: ProcessorApp) -> bool:
    return worker.crashed or app.crashed


def _see_it_die(worker: Worker, app: ProcessorApp, log: Any) -> NoReturn:
    """End the process when a crash or a signal has not ended it in time: parts of it may hang without Kafka."""
    pause = Event()
    while not (_crashed(worker, app) or worker.should_stop):
        pause.wait(0.5)
    pause.wait(DEATH_SECONDS)
    crashed = _crashed(worker, app)
    log.warning("did not stop by itself", crashed=crashed)
    os._exit(1 if crashed else 0)
