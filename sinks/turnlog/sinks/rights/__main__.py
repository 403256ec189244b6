"""``python -m turnlog.sinks.rights``: the rights worker. One works; more stand by."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable

from clickhouse_connect.driver.client import Client
from confluent_kafka import Consumer

from turnlog.schemas import RIGHTS, KafkaConnection, TransientError, UserError
from turnlog.sinks.address import Address
from turnlog.sinks.clients import client
from turnlog.sinks.errors import UnavailableError
from turnlog.sinks.kafka import wait_for_topics
from turnlog.sinks.log import Changes, configure, logger
from turnlog.sinks.rights.bundle import Exporter
from turnlog.sinks.rights.carry import Carrier, Outcome
from turnlog.sinks.rights.ledger import Ledger
from turnlog.sinks.rights.request import Request
from turnlog.sinks.rights.settings import RightsSettings
from turnlog.sinks.rights.worker import RightsWorker


def main() -> int:
    """Answer requests until SIGTERM or SIGINT; returns the exit code."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        settings = RightsSettings.read()
        connection = settings.kafka
        configure(settings.log_level, settings.log_format)
        log = logger().bind(worker=RIGHTS)
        wait_for_topics(connection, [f"{connection.prefix}privacy", f"{connection.prefix}audit"], stop, Changes(log))
        server = _connect(settings.clickhouse, settings.rights_timeout_seconds, stop, Changes(log))
        if server is None:
            return 0
        worker = RightsWorker(
            connection,
            _consumer(connection, settings),
            Carrier(Ledger(server, settings.clickhouse.database), _export(settings)),
            log=log,
            sweep_seconds=settings.rights_sweep_seconds,
            ready_file=settings.ready_file,
        )
        worker.run(stop)
        server.close()
    except UserError as error:
        sys.stderr.write(f"turnlog rights: {error}\n")
        return 2
    except TransientError as error:
        sys.stderr.write(f"turnlog rights: {error}\n")
        return 1
    return 0


def _connect(address: Address, timeout: float, stop: threading.Event, changes: Changes) -> Client | None:
    while not stop.is_set():
        try:
            return client(address, timeout=timeout)
        except UnavailableError as error:
            changes.failed("ClickHouse", str(error))
            time.sleep(0.5)
    return None


def _export(settings: RightsSettings) -> Callable[[Request], Outcome] | None:
    folder = settings.rights_export_folder
    return None if folder is None else Exporter(settings.clickhouse_url, folder, settings.rights_export_format).export


def _consumer(connection: KafkaConnection, settings: RightsSettings) -> Consumer:
    member = connection.member(RIGHTS, settings.worker_id, ["privacy"])
    session_ms = int(settings.session_seconds * 1000)
    return Consumer(
        connection.librdkafka(
            group_id=connection.group(RIGHTS),
            group_instance_id=member,
            client_id=member,
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=session_ms // 4,
            max_poll_interval_ms=1_800_000,  # a deletion may take its time
            enable_auto_commit=False,
            enable_auto_offset_store=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            allow_auto_create_topics=False,
            topic_metadata_refresh_interval_ms=10_000,
            reconnect_backoff_max_ms=1000,
            log_level=3,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
