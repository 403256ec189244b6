"""The two flavours of the SQL: one server, or a cluster with replicated tables."""

from __future__ import annotations

import re
from dataclasses import dataclass

from turnlog.schemas import SettingError

_ENGINE = re.compile(r"(\w+)(?:\((.*)\))?")
_CLUSTER = re.compile(r"[A-Za-z0-9_.{}-]{1,100}")


@dataclass(frozen=True)
class Flavour:
    """How tables are made.

    Attributes:
        cluster: Name of the cluster (or a macro such as ``{cluster}``) on which every replica gets the tables, or None
            for a single server. Replicas hold the same rows: replication, not sharding.
    """

    cluster: str | None = None

    def __post_init__(self) -> None:
        """Refuse names that would end the quotes around them.

        Raises:
            SettingError: If the cluster's name is malformed.
        """
        if self.cluster is not None and not _CLUSTER.fullmatch(self.cluster):
            raise SettingError(f"cluster name {self.cluster!r} may hold letters, digits and _ . - {'{}'}")

    @property
    def name(self) -> str:
        """Return ``single`` or ``cluster``."""
        return "cluster" if self.cluster else "single"

    @property
    def on_cluster(self) -> str:
        """Return the clause that follows the name of what is made or altered."""
        return f" ON CLUSTER '{self.cluster}'" if self.cluster else ""

    def engine(self, engine: str) -> str:
        """Return the engine clause for a table engine of the MergeTree family."""
        matched = _ENGINE.fullmatch(engine)
        assert matched, engine
        name, arguments = matched.groups()
        if not self.cluster:
            return engine
        return f"Replicated{name}({arguments})" if arguments else f"Replicated{name}"

    def dedup(self, window: int) -> str:
        """Return the setting that makes a table remember the tokens of its last inserts."""
        if not self.cluster:
            return f"non_replicated_deduplication_window = {window}"
        # A week, for a worker may come back late to an insert that it had begun.
        return f"replicated_deduplication_window = {window}, replicated_deduplication_window_seconds = 604800"
