"""The audit trail: administrative acts in a hash chain per tenant, and the proof that nobody changed it."""

from turnlog.sinks.audit.chain import PIPELINE, Act, Anchor, digest, link
from turnlog.sinks.audit.journal import Commit, OffsetsRefusedError, append, read_topic, record_act
from turnlog.sinks.audit.lines import lines_of, read_lines
from turnlog.sinks.audit.rows import read_table
from turnlog.sinks.audit.verdict import Break, BreakKind, chains, check

__all__ = [
    "PIPELINE",
    "Act",
    "Anchor",
    "Break",
    "BreakKind",
    "Commit",
    "OffsetsRefusedError",
    "append",
    "chains",
    "check",
    "digest",
    "lines_of",
    "link",
    "read_lines",
    "read_table",
    "read_topic",
    "record_act",
]
