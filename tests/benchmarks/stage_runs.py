"""One process that refines raw calls into clean ones, in one of three ways that call the same function.

``faust``: the stage as the workers run it. ``bare``: a loop over confluent-kafka's consumer and producer. ``quix``:
Quix Streams, a message at a time. Run as ``python -m benchmarks.stage_runs WAY`` with settings in the environment;
ends by a signal.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from typing import Any

from confluent_kafka import Consumer, Producer
from faust import Worker
from quixstreams import Application, message_context

from turnlog.processors.app import create_app
from turnlog.processors.batch import RawRecord
from turnlog.processors.settings import ProcessorSettings
from turnlog.processors.worker import Parts, add_agent
from turnlog.schemas import PROCESSORS
from turnlog.schemas.topics import BY_NAME

RAW = BY_NAME["raw.calls"]


def faust(settings: ProcessorSettings) -> None:
    """The stage itself, without statistics."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    app = create_app(settings, [RAW.name])
    add_agent(app, RAW, Parts(settings, print))
    worker = Worker(app, loop=loop, override_logging=False, redirect_stdouts=False, quiet=True)
    worker.spinner = None
    worker.execute_from_commandline()


def bare(settings: ProcessorSettings) -> None:
    """Poll, refine, produce, wait for the reports, commit."""
    parts = Parts(settings, print)
    refinery = parts.refinery(RAW)
    consumer = Consumer(
        settings.kafka.librdkafka(
            group_id=settings.kafka.group(PROCESSORS), auto_offset_reset="earliest", enable_auto_commit=False
        )
    )
    producer = Producer(
        settings.kafka.librdkafka(acks="all", enable_idempotence=True, compression_type="lz4", linger_ms=1)
    )
    consumer.subscribe([refinery.topic])
    while True:
        messages = [each for each in consumer.consume(2000, 0.05) if each.error() is None]
        messages.sort(key=lambda each: each.partition() or 0)
        for partition, found in itertools.groupby(messages, key=lambda each: each.partition() or 0):
            records = [_record(each) for each in found]
            for output in refinery.process(records, partition):
                producer.produce(
                    output.topic,
                    output.value,
                    output.key,
                    output.partition,
                    headers=list(output.headers),
                )
                producer.poll(0)
        producer.flush()
        if messages:
            consumer.commit(asynchronous=False)


def _record(message: Any) -> RawRecord:
    return RawRecord(message.offset(), message.timestamp()[1], message.key(), message.value(), message.headers() or ())


def quix(settings: ProcessorSettings) -> None:
    """One message at a time, checkpoints as Quix Streams makes them."""
    refinery = Parts(settings, print).refinery(RAW)
    app = Application(
        broker_address=settings.kafka.bootstrap_servers,
        consumer_group=settings.kafka.group(PROCESSORS),
        auto_offset_reset="earliest",
        auto_create_topics=False,
        use_changelog_topics=False,
        producer_extra_config={"compression.type": "lz4"},
    )
    source = app.topic(refinery.topic, value_deserializer="bytes", key_deserializer="bytes")
    target = app.topic(settings.kafka.prefix + "calls", value_serializer="bytes", key_serializer="bytes")

    def refine(value: bytes, key: Any, timestamp: int, headers: Any) -> bytes:
        context = message_context()
        record = RawRecord(context.offset, timestamp, key, value, headers or ())
        (output,) = refinery.process([record], context.partition)
        return output.value

    app.dataframe(source).apply(refine, metadata=True).to_topic(target)
    app.run()


if __name__ == "__main__":
    {"faust": faust, "bare": bare, "quix": quix}[sys.argv[1]](ProcessorSettings.read())
