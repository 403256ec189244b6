"""The processors' settings, read once from the environment by the entry point."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from turnlog.processors.keys import KeySource, key_source
from turnlog.schemas import KafkaConnection, wrong_setting


class ProcessorSettings(BaseSettings):
    """Settings of one worker; each is read from ``TURNLOG_<NAME>``.

    Attributes:
        worker_id: Name of this worker in its group, unique among running workers and the same after a restart: a
            worker that comes back under its name takes its partitions over at once.
        ready_file: Touched once the worker has its partitions.
        pseudonym_key: Keys of pseudonyms: what a key file holds, or a master key of 32 characters or more; not shown.
        pseudonym_key_file: File that holds them, read again when it changes; wins.
        pseudonym_epoch: Key epoch of a master key.
        pseudonym_kms: ``module:factory`` of the adapter to a key service that keeps halves of keys; see
            :class:`turnlog.processors.keys.KeyService`.
        redaction: YAML file that says what is redacted and how; see :mod:`turnlog.processors.policies`.
        schema_registry_url: Confluent-compatible registry, where one is in use.
        log_format: ``json``, ``console``, or ``auto``: console on a terminal.
        log_level: Least severe level that is logged.
        commit_seconds: How often offsets are committed.
        session_seconds: How long the group waits for a silent worker.
        poll_records: Most records that one poll returns.
        fetch_bytes: Bytes that one fetch may return for a partition; a larger message comes alone.
    """

    model_config = SettingsConfigDict(env_prefix="TURNLOG_", extra="ignore", frozen=True)

    worker_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,200}$")] = Field(
        default_factory=lambda: f"{socket.gethostname()}-0"
    )
    ready_file: Path | None = None
    pseudonym_key: SecretStr | None = None
    pseudonym_key_file: Path | None = None
    pseudonym_epoch: Annotated[int, Field(ge=1)] = 1
    pseudonym_kms: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9_.]+:[A-Za-z0-9_]+$")] = None
    redaction: Path | None = None
    schema_registry_url: Annotated[str | None, Field(repr=False)] = None
    log_format: Literal["json", "console", "auto"] = "auto"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    commit_seconds: Annotated[float, Field(gt=0, le=60)] = 0.5
    session_seconds: Annotated[float, Field(ge=6, le=300)] = 6.0
    poll_records: Annotated[int, Field(ge=1, le=100_000)] = 2000
    fetch_bytes: Annotated[int, Field(ge=65_536)] = 4 * 1024 * 1024

    @classmethod
    def read(cls) -> ProcessorSettings:
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

    def keys(self) -> KeySource:
        """Return the keys of pseudonyms.

        Raises:
            SettingError: If there are none, they can't be read, or one is too short.
            TransientError: If the key service does not answer.
        """
        key = None if self.pseudonym_key is None else self.pseudonym_key.get_secret_value()
        return key_source(key, self.pseudonym_key_file, epoch=self.pseudonym_epoch, service=self.pseudonym_kms)
