"""Sink workers as processes, and what tests put before them and ask behind them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from samples import NOW_US
from support import eventually
from turnlog.schemas import SINKS, KafkaConnection, Origin, Source
from turnlog.schemas.headers import PRODUCER, SOURCE, STAGE
from turnlog.sinks import client, migrate
from turnlog.stack import topics

TIME_MS = NOW_US // 1000


@dataclass
class SinkBench:
    """Topics and a database of a test's own, and the workers between them."""

    connection: KafkaConnection
    url: str
    database: str
    folder: Path
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    started: int = 0

    def __post_init__(self) -> None:
        self._undelivered: list[str] = []
        self._client = client(self.url, database=self.database)
        self._producer = Producer(
            self.connection.librdkafka(enable_idempotence=True, linger_ms=1, log_level=0, partitioner="random")
        )

    @property
    def group(self) -> str:
        return self.connection.group(SINKS)

    def prepare(self) -> None:
        topics.apply(self.connection)
        migrate(self.url, self.database)

    def start(self, name: str = "0", **settings: str) -> None:
        self.started += 1
        ready = self.folder / f"ready-{name}"
        ready.unlink(missing_ok=True)
        environment = {
            **os.environ,
            "TURNLOG_KAFKA_BOOTSTRAP_SERVERS": self.connection.bootstrap_servers,
            "TURNLOG_TOPIC_PREFIX": self.connection.prefix,
            "TURNLOG_CLICKHOUSE_URL": f"{self.url}/{self.database}",
            "TURNLOG_WORKER_ID": name,
            "TURNLOG_READY_FILE": str(ready),
            "TURNLOG_SESSION_SECONDS": "6",
            **settings,
        }
        with (self.folder / f"{name}.log").open("ab") as log:
            self.workers[name] = subprocess.Popen(
                [sys.executable, "-P", "-m", "turnlog.sinks"], env=environment, stdout=log, stderr=log
            )

    def ready(self, name: str = "0") -> bool:
        return (self.folder / f"ready-{name}").exists()

    def log(self, name: str = "0") -> str:
        return (self.folder / f"{name}.log").read_text("utf-8")

    def kill(self, name: str = "0") -> None:
        process = self.workers.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self, name: str = "0") -> int:
        process = self.workers.pop(name)
        process.terminate()
        return process.wait(30)

    def close(self) -> None:
        for name in list(self.workers):
            self.kill(name)
        self._client.close()

    def send(self, topic: str, value: bytes | None, partition: int = 0, **more: Any) -> None:
        """Produce to a topic; `source` is a raw offset or a Source, `origin` and `stage` make headers too."""
        headers = []
        source = more.get("source")
        if source is not None:
            if isinstance(source, int):
                source = Source(f"{self.connection.prefix}raw.{topic}", partition, source, TIME_MS)
            headers.append((SOURCE, source.to_bytes()))
        if (origin := more.get("origin")) is not None:
            assert isinstance(origin, Origin)
            headers.append((PRODUCER, origin.to_bytes()))
        if (stage := more.get("stage")) is not None:
            headers.append((STAGE, stage.encode()))
        while True:
            try:
                self._producer.produce(
                    self.connection.prefix + topic,
                    value,
                    more.get("key", b"key"),
                    partition,
                    headers=headers,
                    on_delivery=self._delivered,
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def send_all(self, topic: str, values: Iterable[bytes], partition: int = 0, first: int = 0) -> None:
        for number, value in enumerate(values, first):
            self.send(topic, value, partition, source=number)
        self.flush()

    def flush(self) -> None:
        assert self._producer.flush(30) == 0
        assert not self._undelivered

    def _delivered(self, error: Any, _: Any) -> None:
        if error is not None:
            self._undelivered.append(str(error))

    def rows(self, query: str) -> list[dict[str, Any]]:
        return list(self._client.query(query, query_formats={"UUID": "string"}).named_results())

    def one(self, query: str) -> Any:
        return self._client.query(query).result_rows[0][0]

    def count(self, table: str) -> int:
        return int(self.one(f"SELECT count() FROM {table}"))

    def wait_for(self, table: str, count: int, timeout: float = 60) -> None:
        def enough() -> bool:
            found = self.count(table)
            assert found >= count, f"{found} of {count} in {table}"
            return True

        eventually(enough, timeout)
