"""The processors' settings, read once from the environment by the entry point."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from turnlog.schemas import KafkaConnection, SettingError


class ProcessorSettings(BaseSettings):
    """Settings of one worker; each is read from ``TURNLOG_<NAME>``.

    Attributes:
        worker_id: Name of this worker in its group, unique among running workers and the same after a restart: a
            worker that comes back under its name takes its partitions over at once.
        ready_file: Touched once the worker has its partitions.
        pseudonym_key: Master key of pseudonyms, 32 characters or more; left out of the repr.
        pseudonym_key_file: File that holds it.
        pseudonym_epoch: Key epoch that new tokens are made with.
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
    pseudonym_key: Annotated[str | None, Field(repr=False)] = None
    pseudonym_key_file: Path | None = None
    pseudonym_epoch: Annotated[int, Field(ge=1)] = 1
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
            first = error.errors()[0]
            name = f"TURNLOG_{'_'.join(str(each) for each in first['loc']).upper()}"
            raise SettingError(f"{name}: {first['msg']}") from error

    @property
    def kafka(self) -> KafkaConnection:
        """How to reach Kafka, from the same environment."""
        return KafkaConnection.from_env()

    def master_key(self) -> bytes:
        """Return the master key of pseudonyms.

        Raises:
            SettingError: If there is none, it can't be read, or it is too short.
        """
        if self.pseudonym_key_file is not None:
            try:
                key = self.pseudonym_key_file.read_bytes().strip()
            except OSError as error:
                raise SettingError(
                    f"TURNLOG_PSEUDONYM_KEY_FILE: {error.strerror}: {self.pseudonym_key_file}"
                ) from error
        elif self.pseudonym_key is not None:
            key = self.pseudonym_key.encode()
        else:
            raise SettingError(
                "no key for pseudonyms: set TURNLOG_PSEUDONYM_KEY_FILE to a file with 32 random characters or more "
                "(or TURNLOG_PSEUDONYM_KEY)"
            )
        if len(key) < 32:
            raise SettingError(f"the key for pseudonyms has {len(key)} characters and needs 32 or more")
        return key
