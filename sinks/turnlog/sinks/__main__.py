"""``python -m turnlog.sinks``: one sink worker."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import time

from turnlog.schemas import SchemaStore, TransientError, UserError
from turnlog.schemas.registry import ConfluentRegistry
from turnlog.sinks.kafka import consumer, wait_for_topics
from turnlog.sinks.loader import Loader
from turnlog.sinks.log import Changes, configure, logger
from turnlog.sinks.post import Post
from turnlog.sinks.routes import ROUTES
from turnlog.sinks.schema_topic import SchemaTopic
from turnlog.sinks.settings import SinkSettings
from turnlog.sinks.tables import ClickHouseTables
from turnlog.sinks.worker import Worker


def main() -> int:
    """Load clean records into ClickHouse until SIGTERM or SIGINT; returns the exit code."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        settings = SinkSettings.read()
        connection = settings.kafka
        address = settings.clickhouse
        configure(settings.log_level, settings.log_format)
        log = logger().bind(worker=settings.worker_id)
        routes = {connection.prefix + name: route for name, route in ROUTES.items()}
        wait_for_topics(connection, routes, stop, Changes(log))
        registry = ConfluentRegistry(settings.schema_registry_url) if settings.schema_registry_url else None
        store = SchemaStore(registry)
        tables = ClickHouseTables(address, settings.sink_timeout_seconds)
        worker = Worker(
            consumer(connection, settings, routes),
            routes,
            Loader(tables, Post(connection, lambda: time.time_ns() // 1000)),
            store=store,
            schemas=SchemaTopic(connection, store, time.monotonic),
            log=log,
            limits=settings.limits,
            linger=settings.sink_linger_seconds,
            buffer_size=settings.sink_buffer_bytes,
            threads=settings.sink_threads,
            ready_file=settings.ready_file,
        )
        # Messages wait in large numbers and in no cycles: looking for those takes a third of the time, and finds none.
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)
        worker.run(stop)
        tables.close()
    except UserError as error:
        sys.stderr.write(f"turnlog sinks: {error}\n")
        return 2
    except TransientError as error:
        sys.stderr.write(f"turnlog sinks: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
