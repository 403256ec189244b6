"""The sinks' settings, read once from the environment by the entry point."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from turnlog.schemas import KafkaConnection, wrong_setting
from turnlog.sinks.address import DEFAULT_URL, Address
from turnlog.sinks.batch import Limits


class WorkerSettings(BaseSettings):
    """What every worker between Kafka and ClickHouse is told; each is read from ``TURNLOG_<NAME>``.

    Attributes:
        worker_id: Name of this worker in its group, unique among running workers and the same after a restart: a
            worker that comes back under its name takes its partitions over at once.
        ready_file: Touched once the worker works: it has its partitions, or can read requests.
        clickhouse_url: ``http(s)://[user:password@]host:port[/database]``; left out of the repr.
        log_format: ``json``, ``console``, or ``auto``: console on a terminal.
        log_level: Least severe level that is logged.
        session_seconds: How long the group waits for a silent worker.
    """

    model_config = SettingsConfigDict(env_prefix="TURNLOG_", extra="ignore", frozen=True)

    worker_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,200}$")] = Field(
        default_factory=lambda: f"{socket.gethostname()}-0"
    )
    ready_file: Path | None = None
    clickhouse_url: Annotated[str, Field(repr=False)] = DEFAULT_URL
    log_format: Literal["json", "console", "auto"] = "auto"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    session_seconds: Annotated[float, Field(ge=6, le=300)] = 8.0

    @classmethod
    def read(cls) -> Self:
        """Read the settings from the environment.

        Raises:
            SettingError: If one of them can't be right; names the first such.
        """
        try:
            return cls()
        except ValidationError as error:
            raise wrong_setting("TURNLOG_", error.errors()) from error

    @property
    def kafka(self) -> KafkaConnection:
        """How to reach Kafka, from the same environment."""
        return KafkaConnection.from_env()

    @property
    def clickhouse(self) -> Address:
        """Where ClickHouse is.

        Raises:
            SettingError: If the address is malformed.
        """
        return Address.parse(self.clickhouse_url)


class SinkSettings(WorkerSettings):
    """Settings of one sink worker, besides those of every worker.

    Attributes:
        schema_registry_url: Confluent-compatible registry, where one is in use; left out of the repr.
        sink_rows: Most rows of an insert.
        sink_bytes: Most bytes of an insert.
        sink_linger_seconds: How long a row waits for others to be inserted with it.
        sink_threads: Inserts at once.
        sink_buffer_bytes: Read, but not stored: above it, reading pauses.
        sink_timeout_seconds: How long to wait for an insert.
    """

    schema_registry_url: Annotated[str | None, Field(repr=False)] = None
    sink_rows: Annotated[int, Field(ge=1, le=500_000)] = 50_000
    sink_bytes: Annotated[int, Field(ge=65_536, le=256 * 1024 * 1024)] = 32 * 1024 * 1024
    sink_linger_seconds: Annotated[float, Field(ge=0, le=60)] = 0.4
    sink_threads: Annotated[int, Field(ge=1, le=32)] = 2
    sink_buffer_bytes: Annotated[int, Field(ge=1024 * 1024)] = 256 * 1024 * 1024
    sink_timeout_seconds: Annotated[float, Field(gt=0, le=240)] = 120.0

    @property
    def limits(self) -> Limits:
        """How large a batch may be."""
        return Limits(self.sink_rows, self.sink_bytes)
