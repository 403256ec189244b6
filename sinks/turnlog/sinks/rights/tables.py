"""Which tables hold something about people, and where in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from turnlog.schemas import load
from turnlog.sinks.routes import ROUTES

_OURS = frozenset({"tenant_id", "user_key", "redaction_rules", "redaction_hits", "redaction_withheld"})
"""Texts in which no pseudonym is looked for: whose data it is, what redaction fills in itself, and ``user_key``, which
is compared as a whole."""


@dataclass(frozen=True)
class SubjectTable:
    """A table with rows about people.

    Attributes:
        name: The table.
        texts: Columns in which a pseudonym may stand, by name, with their Avro types. Redaction puts one wherever
            somebody was named, so these are all that can hold a text.
        link: Column that names a call or step by its event id; what is said about a subject's call is the subject's.
        catalogue: Whether its rows tell of releases, models or datasets. Those stay when somebody is erased who had to
            do with them; what ties them to that person is emptied.
    """

    name: str
    texts: Mapping[str, Any]
    link: str | None = None
    catalogue: bool = False


def _table(topic: str, *made: str, link: str | None = None, fixed: tuple[str, ...] | None = None) -> SubjectTable:
    """Describe the table of a topic.

    Args:
        topic: The topic.
        made: Columns with texts that the table makes itself.
        link: See :class:`SubjectTable`.
        fixed: Of a catalogue's table, columns that can't be changed: it is sorted by them, or they hold prices.
    """
    route = ROUTES[topic]
    texts = {
        field["name"]: kind
        for field in load(route.record).definition["fields"]
        if field["name"] not in _OURS and field["name"] not in (fixed or ()) and (kind := _texts_of(field["type"]))
    }
    return SubjectTable(route.table, {**texts, **dict.fromkeys(made, "string")}, link, fixed is not None)


def _texts_of(kind: Any) -> Any:
    """Return an Avro type without null, or None if nothing in it is a free text."""
    if isinstance(kind, list):
        return _texts_of(next(each for each in kind if each != "null"))
    if kind == "string":
        return kind
    if not isinstance(kind, Mapping) or "logicalType" in kind:
        return None
    match kind["type"]:
        case "array":
            holds = _texts_of(kind["items"]) is not None
        case "record":
            holds = any(_texts_of(field["type"]) is not None for field in kind["fields"])
        case other:
            holds = other == "map"  # its keys are texts
    return kind if holds else None


TABLES: Mapping[str, SubjectTable] = {
    table.name: table
    for table in (
        _table("calls"),
        _table("steps", "document_refs", link="call_id"),
        _table("logs", link="call_id"),
        _table("debug", link="call_id"),
        _table("security", link="call_id"),
        _table("scores", link="target_event_id"),
        _table("deployments", fixed=("chatbot",)),
        _table("models", fixed=("model_version_id", "prices")),
        _table("datasets", fixed=("dataset_id",)),
    )
}
"""Not among them: panes and rolling windows, which are statistics; audit, which is the proof of what was done; and
dead_letters, which has neither keys nor payloads."""

EMPTIED = ("user_key", "conversation_id", "session_id", "turn_id", "request_id")
"""Columns of a catalogue's row that are emptied."""

TARGETS = ("calls", "steps")
"""Tables whose events others name by their id."""
