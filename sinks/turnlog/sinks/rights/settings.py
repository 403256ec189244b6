"""The rights worker's settings, read once from the environment by the entry point."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from turnlog.schemas import KafkaConnection, SettingError
from turnlog.sinks.address import DEFAULT_URL, Address


class RightsSettings(BaseSettings):
    """Settings of the rights worker; each is read from ``TURNLOG_<NAME>``.

    Attributes:
        ready_file: Touched once requests can be read.
        clickhouse_url: ``http(s)://[user:password@]host:port[/database]``; left out of the repr.
        log_format: ``json``, ``console``, or ``auto``: console on a terminal.
        log_level: Least severe level that is logged.
        rights_sweep_seconds: How often it is looked for what has arrived for a subject who was erased or restricted.
        rights_timeout_seconds: How long to wait for one deletion.
        session_seconds: How long the group waits for a silent worker.
    """

    model_config = SettingsConfigDict(env_prefix="TURNLOG_", extra="ignore", frozen=True)

    ready_file: Path | None = None
    clickhouse_url: Annotated[str, Field(repr=False)] = DEFAULT_URL
    log_format: Literal["json", "console", "auto"] = "auto"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    rights_sweep_seconds: Annotated[float, Field(gt=0, le=3600)] = 5.0
    rights_timeout_seconds: Annotated[float, Field(gt=0, le=1500)] = 900.0
    session_seconds: Annotated[float, Field(ge=6, le=300)] = 8.0

    @classmethod
    def read(cls) -> RightsSettings:
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

    @property
    def clickhouse(self) -> Address:
        """Where ClickHouse is.

        Raises:
            SettingError: If the address is malformed.
        """
        return Address.parse(self.clickhouse_url)
