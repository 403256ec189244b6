"""Which tables hold something about people, and where in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_IDS = ("conversation_id", "session_id", "request_id")
_LOG_TEXTS = ("body", "template", "exception_message", "exception_stacktrace", "attributes", "security", *_IDS)


@dataclass(frozen=True)
class SubjectTable:
    """A table with rows about people.

    Attributes:
        name: The table.
        texts: Columns in which a pseudonym may stand.
        link: Column that names a call or step by its event id; what is said about a subject's call is the subject's.
        catalogue: Whether its rows tell of releases, models or datasets. Those stay when somebody is erased who had to
            do with them; what ties them to that person is emptied.
    """

    name: str
    texts: tuple[str, ...] = ()
    link: str | None = None
    catalogue: bool = False


TABLES: Mapping[str, SubjectTable] = {
    table.name: table
    for table in (
        SubjectTable(
            "calls",
            (
                *("system_instructions", "input_messages", "output_messages", "tool_definitions", "error_message"),
                *("request_stop_sequences", "attributes", *_IDS),
            ),
        ),
        SubjectTable(
            "steps",
            ("name", "input", "output", "documents", "document_refs", "error_message", "attributes", *_IDS),
            link="call_id",
        ),
        SubjectTable("logs", _LOG_TEXTS, link="call_id"),
        SubjectTable("debug", _LOG_TEXTS, link="call_id"),
        SubjectTable("security", _LOG_TEXTS, link="call_id"),
        SubjectTable("scores", ("label", "explanation", "correction", "attributes", *_IDS), link="target_event_id"),
        SubjectTable("deployments", catalogue=True),
        SubjectTable("model_versions", catalogue=True),
        SubjectTable("datasets", catalogue=True),
    )
}
"""Not among them: panes and rolling windows, which are statistics; audit, which is the proof of what was done; and
dead_letters, which has neither keys nor payloads."""

EMPTIED = ("user_key", "conversation_id", "session_id", "turn_id", "request_id")
"""Columns of a catalogue's row that are emptied."""

TARGETS = ("calls", "steps")
"""Tables whose events others name by their id."""
