"""What a span is about: a model call, a kind of step, or nothing that concerns a chatbot."""

from __future__ import annotations

from typing import Literal, NamedTuple

from turnlog.producers.fields import StepKind
from turnlog.producers.integrations.genai.reading import first, text
from turnlog.producers.integrations.genai.values import Attributes


class Operation(NamedTuple):
    """What a span is about.

    Attributes:
        what: A call, or a step.
        name: The call's operation in the conventions' words; the kind of the step.
    """

    what: Literal["call", "step"]
    name: str


_STEPS: dict[str, StepKind] = {
    # gen_ai.operation.name
    "create_agent": "agent",
    "embeddings": "embedding",
    "execute_tool": "tool",
    "fetch_response": "other",  # an answer that was recorded when it was given
    "invoke_agent": "agent",
    "invoke_workflow": "chain",
    "plan": "agent",
    "rerank": "rerank",
    "retrieval": "retrieval",
    "search_memory": "retrieval",
    # openinference.span.kind, traceloop.span.kind, llm.request.type and the like, in lower case
    "agent": "agent",
    "chain": "chain",
    "embedding": "embedding",
    "evaluator": "other",
    "guardrail": "guardrail",
    "prompt": "other",
    "reranker": "rerank",
    "retriever": "retrieval",
    "task": "chain",
    "tool": "tool",
    "unknown": "other",
    "workflow": "chain",
}

_INFERENCE = frozenset({"chat", "generate_content", "text_completion"})
_CALLS = {"completion": "text_completion", "llm": "chat", "generation": "chat"}

REQUEST_MODEL = ("gen_ai.request.model", "llm.request.model_name", "llm.request.model")
RESPONSE_MODEL = ("gen_ai.response.model", "llm.response.model_name", "llm.response.model", "llm.model_name")
PROVIDER = ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "llm.vendor")
KIND = ("openinference.span.kind", "traceloop.span.kind", "langfuse.observation.type")
REQUEST_TYPE = ("llm.request.type", "gen_ai.request.type")


def operation_of(attributes: Attributes) -> Operation | None:
    """Return what a span with these attributes is about; None if it has nothing to do with generative AI."""
    said = text(attributes, "gen_ai.operation.name")
    if said is not None:
        called = said in _INFERENCE or first(attributes, *REQUEST_MODEL, *RESPONSE_MODEL) is not None
        return _step(said) or (Operation("call", said) if called else Operation("step", "other"))
    kind, request = text(attributes, *KIND), text(attributes, *REQUEST_TYPE)
    if kind is not None and kind.lower() not in _CALLS:
        return _step(kind) or Operation("step", "other")
    asked = request or kind
    if asked is not None:
        return _step(asked) or Operation("call", _CALLS.get(asked.lower(), asked))
    return _guess(attributes)


def _guess(attributes: Attributes) -> Operation | None:
    if first(attributes, "gen_ai.tool.name", "gen_ai.tool.call.id") is not None:
        return Operation("step", "tool")
    if first(attributes, *PROVIDER) is not None and first(attributes, *REQUEST_MODEL, *RESPONSE_MODEL) is not None:
        return Operation("call", "chat")
    if any(isinstance(name, str) and name.startswith("db.vector.query.") for name in attributes):
        return Operation("step", "retrieval")
    return None


def _step(name: str) -> Operation | None:
    kind = _STEPS.get(name.lower())
    return Operation("step", kind) if kind is not None else None
