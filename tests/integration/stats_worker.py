"""A worker with nothing but statistics, for tests that write clean topics themselves: `python stats_worker.py`."""

from __future__ import annotations

from faust import Worker

from turnlog.processors.app import create_app
from turnlog.processors.batch import Batch, RawRecord
from turnlog.processors.settings import ProcessorSettings
from turnlog.processors.stats.wiring import attach
from turnlog.processors.stats.writer import Output
from turnlog.schemas import PoisonError, SchemaStore
from turnlog.schemas.headers import STAGE


def dead_letter(batch: Batch, record: RawRecord, error: PoisonError) -> Output:
    name = f"{batch.topic}:{batch.partition}:{record.offset}:{type(error).__name__}"
    topic = f"{batch.topic.rpartition('.')[0]}.dlq"
    return Output(topic, batch.partition, record.key, name.encode(), [(STAGE, b"panes")])


def main() -> None:
    settings = ProcessorSettings.read()
    app = create_app(settings)
    attach(app, SchemaStore(), dead_letter)
    Worker(app, loglevel="INFO", redirect_stdouts=False).execute_from_commandline()


if __name__ == "__main__":
    main()
