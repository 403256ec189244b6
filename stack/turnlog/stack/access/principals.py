"""The one table of principals: what each reads and writes, in Kafka and in ClickHouse.

Two sentences are kept by it: raw topics are readable by the processors alone, and only the rights worker deletes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from turnlog.schemas import PROCESSORS, SINKS, TOPICS, clean_topics, raw_topics
from turnlog.schemas.topics import BY_NAME
from turnlog.sinks.rights import TABLES
from turnlog.sinks.routes import ROUTES

RIGHTS = "rights"
"""Group of the worker that erases and exports."""

ALL = ("*",)

_RAW = tuple(topic.name for topic in raw_topics())
_CLEAN = tuple(topic.name for topic in clean_topics())
_STATISTICS = ("panes", "rolling")
_OTHERS = tuple(topic.name for topic in TOPICS if not topic.private)

TENANT_TABLES = (
    *("calls", "steps", "logs", "debug", "security", "scores", "deployments", "model_versions", "datasets"),
    *("panes_versions", "panes_hourly_versions", "rolling_versions"),
)
"""Tables whose rows say whose they are, and which hold nothing but what was redacted."""

HELD_TABLES = tuple(TABLES)
"""Those of them whose rows can be on hold: whoever analyses does not see such rows."""

_LOADED = tuple(route.table for route in ROUTES.values())
_BY_VIEWS = ("account_parts", "panes_hourly_versions")
"""Tables that materialized views write into, with the rights of who made them."""

VIEWS = (
    *("conversation_timeline", "cost_by_model", "deployment_effect", "feedback_by_model", "latency_by_model", "models"),
    *("panes", "panes_hourly", "provenance", "rolling", "security_events", "training_examples"),
)
"""Views of those tables: they read with the rights of who asks, row policies included."""


@dataclass(frozen=True)
class Principal:
    """Somebody who uses Kafka, ClickHouse or both.

    Attributes:
        name: In a word; the user's name is ``turnlog-<name>`` in Kafka and ``turnlog_<name>`` in ClickHouse.
        does: What it is there for.
        reads: Topics that it reads, without the prefix.
        writes: Topics that it writes.
        describes: Topics of which it may ask how far they are, without reading a message.
        groups: Consumer groups that it joins, without the prefix.
        asks: Consumer groups whose offsets it looks at, without the prefix.
        own_groups: Names of groups that are not under the prefix.
        transactions: What its transactional ids begin with, without the prefix; None if it has none.
        administers: Whether it creates topics and reads the cluster's state.
        selects: Tables and views that it queries; ``*`` for all.
        inserts: Tables that it inserts into.
        deletes: Tables whose rows it deletes and changes.
        migrates: Whether it creates and alters tables and views.
        by_tenant: Whether there is one for each tenant, who sees that tenant's rows alone, and none that is on hold.
    """

    name: str
    does: str
    reads: Sequence[str] = ()
    writes: Sequence[str] = ()
    describes: Sequence[str] = ()
    groups: Sequence[str] = ()
    asks: Sequence[str] = ()
    own_groups: Sequence[str] = ()
    transactions: str | None = None
    administers: bool = False
    selects: Sequence[str] = ()
    inserts: Sequence[str] = ()
    deletes: Sequence[str] = ()
    migrates: bool = False
    by_tenant: bool = False

    @property
    def in_kafka(self) -> bool:
        """Whether it uses Kafka."""
        return bool(self.reads or self.writes or self.administers)

    @property
    def in_clickhouse(self) -> bool:
        """Whether it uses ClickHouse."""
        return bool(self.selects or self.inserts or self.deletes or self.migrates)


PRINCIPALS: tuple[Principal, ...] = (
    Principal("client", "chatbots: writes raw topics and reads nothing", writes=(*_RAW, "schemas")),
    Principal(
        "processors",
        "redacts, enriches, keeps statistics: alone reads raw topics",
        reads=(*_RAW, *_CLEAN, *_STATISTICS, "schemas"),
        writes=(*_CLEAN, *_STATISTICS, "dlq"),
        groups=(PROCESSORS, "rolling-reader"),
        own_groups=("turnlog-tail", "turnlog-lookback", "turnlog-reprocess"),
    ),
    Principal(
        "sinks",
        "loads clean topics into tables",
        reads=(*_CLEAN, *_STATISTICS, "dlq", "audit", "schemas"),
        writes=("dlq", "schemas"),
        groups=(SINKS,),
        own_groups=("turnlog-sinks-schemas",),
        inserts=(*_LOADED, *_BY_VIEWS),
    ),
    Principal(
        "rights",
        "erases and exports a person's rows, and writes the audit trail: alone deletes",
        reads=("privacy", "audit", "schemas"),
        writes=("privacy", "audit", "schemas"),
        groups=(RIGHTS,),
        own_groups=("turnlog-sinks-schemas", "turnlog-reader"),
        transactions="audit.",
        selects=ALL,
        inserts=ALL,
        deletes=ALL,
    ),
    Principal(
        "operator",
        "creates topics and tables, looks after the pipeline; reads no raw topic, deletes no row",
        reads=_OTHERS,
        writes=("audit", "privacy", "schemas"),
        describes=(*_RAW, "dlq"),
        groups=("tail",),
        asks=(PROCESSORS, SINKS, RIGHTS),
        own_groups=("turnlog-sinks-schemas", "turnlog-reader"),
        transactions="audit.",
        administers=True,
        selects=ALL,
        inserts=("schema_migrations", *_BY_VIEWS),
        migrates=True,
    ),
    Principal("analyst", "queries one tenant's rows", selects=(*TENANT_TABLES, *VIEWS), by_tenant=True),
)

assert all(name in BY_NAME for each in PRINCIPALS for name in (*each.reads, *each.writes, *each.describes))
