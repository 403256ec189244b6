"""What a single-node broker is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_MIB = 1024 * 1024
_HOUR_MS = 3_600_000

LARGEST_RECORD_BYTES = 8 * _MIB
"""The largest batch the broker takes; room for a call with a long history in its messages."""


@dataclass(frozen=True, kw_only=True)
class BrokerSettings:
    """One broker that is its own controller, on loopback only.

    Attributes:
        port: where clients connect.
        controller_port: where the broker talks to its own controller; any free port, new at every start.
        log_folder: Kafka's data.
        heap_mb: the Java heap's limit in MiB.
    """

    port: int
    controller_port: int
    log_folder: Path
    heap_mb: int = 512

    def properties(self) -> dict[str, str]:
        """Return the broker's configuration by Kafka's own names."""
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            # Static voters are read from here at every start, so the ports may change between two starts.
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self.log_folder),
            **_ONE_REPLICA,
            **_GROUPS,
            **_LIMITS,
            **_SMALL,
        }

    def java_options(self, temporary: Path) -> list[str]:
        """Return the options for Java; `temporary` takes the native libraries that Kafka's jars unpack."""
        return [
            f"-Xmx{self.heap_mb}m",
            f"-Xms{min(self.heap_mb, 256)}m",
            "-XX:+UseG1GC",
            "-XX:MaxGCPauseMillis=20",
            "-XX:+ExitOnOutOfMemoryError",  # a broker that is dead is restarted; one that limps is not
            "-Djava.awt.headless=true",
            f"-Djava.io.tmpdir={temporary}",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
        ]


def render_properties(properties: Mapping[str, str]) -> str:
    """Write properties as Java reads them back."""
    return "".join(f"{name}={_escape(value)}\n" for name, value in properties.items())


def _escape(value: str) -> str:
    escaped = value.replace("\\", "\\\\")
    return "".join(c if " " <= c <= "~" else f"\\u{ord(c):04x}" for c in escaped)


_ONE_REPLICA = {
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
}

_GROUPS = {
    "group.initial.rebalance.delay.ms": "0",  # a lone worker starts at once
    "group.min.session.timeout.ms": "1000",  # a killed worker's partitions are free again soon
    "offsets.retention.minutes": "525600",  # a stack that slept for months resumes where it was
}

_LIMITS = {
    "auto.create.topics.enable": "false",  # topics come from the topic table, with its retention
    "message.max.bytes": str(LARGEST_RECORD_BYTES),
    "replica.fetch.max.bytes": str(LARGEST_RECORD_BYTES),
    # Retention drops whole closed segments: small ones, closed and looked at often, make it exact.
    "log.segment.bytes": str(64 * _MIB),
    "log.roll.ms": str(_HOUR_MS),
    "log.retention.check.interval.ms": "60000",
    "log.segment.delete.delay.ms": "10000",
}

_SMALL = {
    # A killed broker may register again only when the session of its former self is over: by default after 9 s.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "4",
    "log.cleaner.dedupe.buffer.size": str(16 * _MIB),
    "num.network.threads": "2",
    "num.io.threads": "4",
    "auto.leader.rebalance.enable": "false",
}
