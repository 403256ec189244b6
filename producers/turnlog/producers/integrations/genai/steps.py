"""What a step was given, returned and found, and what it is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from turnlog.producers.integrations.genai.content import INPUT, OUTPUT, content_of
from turnlog.producers.integrations.genai.reading import first, numbered, parsed, text
from turnlog.producers.integrations.genai.values import Attributes, Happening
from turnlog.producers.kinds import Fields

_ENTITY = ("traceloop.entity.name",)
_NAME: dict[str, tuple[str, ...]] = {
    "agent": ("gen_ai.agent.name", "agent.name", *_ENTITY),
    "chain": ("gen_ai.workflow.name", *_ENTITY, "traceloop.workflow.name"),
    "embedding": ("gen_ai.request.model", "embedding.model_name", "llm.request.model"),
    "rerank": ("gen_ai.request.model", "reranker.model_name"),
    "retrieval": ("gen_ai.data_source.id", *_ENTITY),
    "tool": ("gen_ai.tool.name", "tool.name", *_ENTITY),
}
NAMED = {kind: frozenset(names[:1]) | {"gen_ai.tool.call.id"} for kind, names in _NAME.items()}
"""Attributes that are a step's fields, by its kind."""

_INPUT = {
    "tool": ("gen_ai.tool.call.arguments", "tool.parameters"),
    "retrieval": ("gen_ai.retrieval.query.text",),
    "rerank": ("reranker.query",),
}
_OUTPUT = {"tool": ("gen_ai.tool.call.result",)}
_GIVEN = ("input.value", "traceloop.entity.input")
_RETURNED = ("output.value", "traceloop.entity.output")

_DOCUMENTS = ("retrieval.documents", "reranker.output_documents")
_FOUND = "db.query.result"


def name_of(attributes: Attributes, kind: str) -> str | None:
    """Return a step's name, if it says so."""
    return text(attributes, *_NAME.get(kind, _ENTITY))


def said_in(attributes: Attributes, kind: str, events: Sequence[Happening]) -> tuple[Any, Any]:
    """Return what a step was given and what it returned, a text as it is; an agent's may be messages.

    Vectors that an embedding returned are for machines to read, and are left out.
    """
    given = first(attributes, *_INPUT.get(kind, ()), INPUT, *_GIVEN)
    returned = first(attributes, *_OUTPUT.get(kind, ()), OUTPUT, *_RETURNED)
    if kind == "embedding":
        texts = [each.get("embedding.text") for each in numbered(attributes, "embedding.embeddings")]
        found = [each for each in texts if each is not None] or given
        return content_of(attributes, events).input if found is None else found, None
    if given is None or returned is None:
        content = content_of(attributes, events)
        given = content.input if given is None else given
        returned = content.output if returned is None else returned
    return given, returned


def documents_of(attributes: Attributes, events: Sequence[Happening] = ()) -> list[Fields]:
    """Return the documents that a retrieval or reranking returned, best first."""
    listed = parsed(first(attributes, "gen_ai.retrieval.documents"))
    if isinstance(listed, list | tuple):
        return [_document(each) for each in listed]
    for prefix in _DOCUMENTS:
        items = numbered(attributes, prefix)
        if items:
            return [_document({name.removeprefix("document."): each for name, each in item.items()}) for item in items]
    found = [event.attributes for event in events if event.name.startswith(_FOUND)]
    return [
        _document({str(name).removeprefix(f"{_FOUND}."): each for name, each in attributes.items()})
        for attributes in found
    ]


def _document(given: Any) -> Fields:
    known = parsed(given)
    if not isinstance(known, Mapping):
        return {"id": "", "text": known}
    more = parsed(known.get("metadata"))
    metadata: Mapping[str, Any] = more if isinstance(more, Mapping) else {}
    document = {
        "id": first(known, "id") or first(metadata, "id", "doc_id") or "",
        "source": first(known, "source") or first(metadata, "source", "url", "uri", "file_name"),
        "version": first(known, "version") or first(metadata, "version"),
        "score": first(known, "score", "distance"),
        "text": first(known, "content", "text", "document"),
    }
    return {name: each for name, each in document.items() if each is not None}
