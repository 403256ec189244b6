"""A worker with nothing but statistics, for tests that write clean topics themselves: `python stats_worker.py`."""

from __future__ import annotations

import time

from faust import Worker

from turnlog.processors.app import create_app
from turnlog.processors.batch import Batch, RawRecord
from turnlog.processors.dead_letters import DeadLetters
from turnlog.processors.output import Output, OutputProducer
from turnlog.processors.settings import ProcessorSettings
from turnlog.processors.stats.wiring import SOURCES, attach
from turnlog.schemas import PoisonError, SchemaStore


def main() -> None:
    settings = ProcessorSettings.read()
    dead = DeadLetters(f"{settings.kafka.prefix}dlq", "panes", lambda: time.time_ns() // 1000)

    def dead_letter(batch: Batch, record: RawRecord, error: PoisonError) -> Output:
        return dead.letter(batch.topic, batch.partition, record, error)

    app = create_app(settings, SOURCES)
    attach(app, SchemaStore(), OutputProducer(settings.kafka), dead_letter, print)
    Worker(app, loglevel="INFO", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main()
