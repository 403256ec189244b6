"""The one table of Kafka topics: names, records, partitions, retention, compaction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from turnlog.schemas.codec import MAX_RECORD_BYTES

DAY_MS = 86_400_000
FOREVER = -1
SEGMENT_MS = 3_600_000
"""What outlives a topic's retention, at most, besides the minutes that brokers take to look."""

DEFAULT_PARTITIONS = 4
RAW = "raw."


@dataclass(frozen=True)
class Topic:
    """A topic as it should be.

    Attributes:
        name: Without the prefix, such as ``raw.calls``.
        record: Name of the Avro record it carries; ``schemas`` carries schemas themselves as JSON.
        retention_ms: How long messages are kept; ``FOREVER`` for no limit.
        compacted: Whether only the newest message of a key is kept.
        partitions: A fixed number, or None for the common number that keeps raw, clean and panes aligned.
        max_bytes: Largest message.
        private: Whether it may hold unredacted data: readable by the processors alone.
    """

    name: str
    record: str
    retention_ms: int
    compacted: bool = False
    partitions: int | None = None
    max_bytes: int = MAX_RECORD_BYTES + 4 * 1024 * 1024
    private: bool = False

    def config(self) -> dict[str, str]:
        """Return the topic's Kafka configuration."""
        policy = {
            (False, False): "delete",
            (False, True): "delete",
            (True, True): "compact",
            (True, False): "compact,delete",
        }[self.compacted, self.retention_ms == FOREVER]
        config = {
            "cleanup.policy": policy,
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(self.max_bytes),
            "message.timestamp.type": "LogAppendTime",
        }
        if self.retention_ms != FOREVER:
            # Retention drops whole closed segments. By a broker's default one is closed after a week, and what is to
            # be kept for a day would be there for eight.
            config["segment.ms"] = str(SEGMENT_MS)
        if self.compacted:
            # A reader that keeps the highest version of a key must get to see it before an older one, written late
            # by a worker that had lost its partitions, replaces it.
            config["min.compaction.lag.ms"] = str(3_600_000)
        return config


def _stage(name: str, record: str, raw_ms: int, clean_ms: int, *, compacted: bool = False) -> Iterator[Topic]:
    """A record's raw topic, which producers write and only processors read, and its clean one."""
    # Raw messages may grow by what redaction and enrichment add, so clean topics take more than raw ones.
    yield Topic(RAW + name, record, raw_ms, max_bytes=MAX_RECORD_BYTES + 4096, private=True)
    yield Topic(name, record, clean_ms, compacted=compacted)


TOPICS: tuple[Topic, ...] = (
    *_stage("calls", "ModelCall", DAY_MS, 7 * DAY_MS),
    *_stage("steps", "Step", DAY_MS, 7 * DAY_MS),
    *_stage("logs", "LogRecord", DAY_MS, 7 * DAY_MS),
    *_stage("debug", "LogRecord", DAY_MS, 7 * DAY_MS),
    *_stage("security", "LogRecord", DAY_MS, 7 * DAY_MS),
    *_stage("scores", "Score", DAY_MS, 7 * DAY_MS),
    *_stage("deployments", "DeploymentEvent", DAY_MS, FOREVER),
    *_stage("models", "ModelVersion", DAY_MS, FOREVER, compacted=True),
    *_stage("datasets", "Dataset", DAY_MS, FOREVER, compacted=True),
    Topic("panes", "Pane", 2 * DAY_MS, compacted=True),
    Topic("rolling", "Rolling", 2 * DAY_MS),
    Topic("dlq", "DeadLetter", DAY_MS, private=True),
    Topic("audit", "AuditEvent", FOREVER, partitions=1),
    Topic("privacy", "PrivacyRequest", FOREVER, partitions=1),
    Topic("schemas", "Schema", FOREVER, compacted=True, partitions=1),
)

BY_NAME = {topic.name: topic for topic in TOPICS}


def clean_name(raw: str) -> str:
    """Return the clean topic of a raw one: ``raw.calls`` → ``calls``. With or without the prefix."""
    head, _, tail = raw.rpartition(RAW)
    return head + tail


def raw_topics() -> tuple[Topic, ...]:
    """Topics that producers write."""
    return tuple(topic for topic in TOPICS if topic.name.startswith(RAW))


def clean_topics() -> tuple[Topic, ...]:
    """Topics that redacted and enriched records go to."""
    return tuple(BY_NAME[clean_name(topic.name)] for topic in raw_topics())
