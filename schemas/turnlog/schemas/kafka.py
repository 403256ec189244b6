"""How to reach Kafka: one value object that every stage turns into librdkafka settings."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from turnlog.schemas.errors import SettingError

DEFAULT_BOOTSTRAP_SERVERS = "127.0.0.1:9092"
DEFAULT_PREFIX = "chat."
PROCESSORS = "processors"
"""Stage that reads the raw topics."""
SINKS = "sinks"
"""Stage that reads the clean topics."""
RIGHTS = "rights"
"""Stage that answers people's requests about their data."""
_SETTING = "TURNLOG_KAFKA_"


@dataclass(frozen=True)
class KafkaConnection:
    """Where Kafka is, under which prefix the topics are, and any librdkafka setting on top.

    Attributes:
        bootstrap_servers: Comma-separated ``host:port``.
        prefix: Put before every topic's name.
        options: librdkafka settings, such as ``security.protocol``; their values are left out of the repr.
    """

    bootstrap_servers: str = DEFAULT_BOOTSTRAP_SERVERS
    prefix: str = DEFAULT_PREFIX
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Refuse what can't be right.

        Raises:
            SettingError: If the servers or the prefix are malformed.
        """
        for server in self.bootstrap_servers.split(","):
            host, _, port = server.strip().rpartition(":")
            if not host or not port.isdigit():
                raise SettingError(
                    f"bootstrap servers: {server.strip()!r} is not host:port (TURNLOG_KAFKA_BOOTSTRAP_SERVERS)"
                )
        if not all(letter.isalnum() or letter in "._-" for letter in self.prefix):
            raise SettingError(
                f"topic prefix {self.prefix!r} may hold letters, digits, '.', '_' and '-' (TURNLOG_TOPIC_PREFIX)"
            )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> KafkaConnection:
        """Read ``TURNLOG_KAFKA_BOOTSTRAP_SERVERS``, ``TURNLOG_TOPIC_PREFIX`` and any ``TURNLOG_KAFKA_<SETTING>``.

        A librdkafka setting is named in capitals with underscores for dots: ``TURNLOG_KAFKA_SASL_USERNAME``.

        Raises:
            SettingError: If one of them is malformed.
        """
        env = os.environ if environ is None else environ
        options = {
            _setting(key.removeprefix(_SETTING).lower()): value
            for key, value in env.items()
            if key.startswith(_SETTING) and key != f"{_SETTING}BOOTSTRAP_SERVERS"
        }
        return cls(
            env.get(f"{_SETTING}BOOTSTRAP_SERVERS") or DEFAULT_BOOTSTRAP_SERVERS,
            env.get("TURNLOG_TOPIC_PREFIX", DEFAULT_PREFIX),
            options,
        )

    def group(self, stage: str) -> str:
        """Return the name of a stage's consumer group: pipelines that share a broker differ in their prefix."""
        return f"{self.prefix}{stage}"

    def member(self, stage: str, worker_id: str, topics: Iterable[str]) -> str:
        """Return a worker's name as a static member of its stage's group.

        Kafka gives a static member that comes back its old partitions without asking what it subscribes to now. So a
        worker that reads other topics than before, as after an upgrade, is another member.

        Args:
            stage: The stage.
            worker_id: The worker's name, the same after a restart.
            topics: What it reads.
        """
        return f"{stage}-{worker_id}-{crc32(' '.join(sorted(topics)).encode()):08x}"

    def librdkafka(self, **settings: Any) -> dict[str, Any]:
        """Return a librdkafka configuration; keyword arguments have underscores for dots and win over options."""
        return {
            "bootstrap.servers": self.bootstrap_servers,
            **self.options,
            **{_setting(name): value for name, value in settings.items()},
        }


def _setting(name: str) -> str:
    """Return a setting's own name: a few, and the callbacks, have underscores themselves."""
    own = name in {"log_level", "on_delivery"} or name.endswith("_cb")
    return name if own else name.replace("_", ".")
