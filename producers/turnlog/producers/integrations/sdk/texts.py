"""OpenAI's legacy completions, and its embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turnlog.producers.integrations.sdk import chat
from turnlog.producers.integrations.sdk.answer import Answer, Endpoint, Fields, get, items, kept, text


def _texts(given: Any) -> Any:
    """Return texts as they are; token numbers, which nobody can read, not at all."""
    if isinstance(given, str):
        return given
    if isinstance(given, list | tuple) and all(isinstance(each, str) for each in given):
        return list(given)
    return None


def completion_request(body: Mapping[str, Any]) -> Fields:
    """Return the call's fields of a request for a completion."""
    return {**chat.request(body), "input": _texts(kept(body.get("prompt")))}


def completion_response(completion: Any) -> Answer:
    """Read a completion."""
    answer = chat.response(completion)
    answer.messages = [_said(text(each, "text")) for each in items(completion, "choices")]
    return answer


def _said(written: str | None) -> dict[str, Any]:
    return {"role": "assistant", "parts": [{"type": "text", "content": written or ""}]}


class CompletionAssembly:
    """Puts a streamed completion together."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        prompts = body.get("prompt")
        n = body.get("n")
        self._expected = (len(prompts) if isinstance(prompts, list) and _texts(prompts) else 1) * (
            n if type(n) is int else 1
        )
        self._texts: dict[int, list[str]] = {}
        self._finish: dict[int, str] = {}
        self._answer = Answer()

    def add(self, chunk: Any) -> bool:
        """Take a chunk."""
        answer = self._answer
        answer.model = text(chunk, "model") or answer.model
        answer.response_id = text(chunk, "id") or answer.response_id
        answer.usage = chat.usage(get(chunk, "usage")) or answer.usage
        answer.attributes = answer.attributes or chat.said(chunk)
        found = False
        for each in items(chunk, "choices"):
            index = get(each, "index") or 0
            pieces = self._texts.setdefault(index, [])
            if piece := text(each, "text"):
                pieces.append(piece)
                found = True
            if reason := text(each, "finish_reason"):
                self._finish[index] = reason
        return found

    @property
    def complete(self) -> bool:
        """Whether every choice has said why it ended."""
        return len(self._finish) >= self._expected

    def answer(self) -> Answer:
        """Return what has come so far."""
        self._answer.messages = [_said("".join(pieces)) for _, pieces in sorted(self._texts.items())]
        self._answer.finish = [reason for _, reason in sorted(self._finish.items())]
        return self._answer


def embedding_request(body: Mapping[str, Any]) -> Fields:
    """Return the call's fields of a request for embeddings."""
    attributes = {}
    if isinstance(dimensions := body.get("dimensions"), int):
        attributes["gen_ai.embeddings.dimension.count"] = dimensions
    return {"model": body.get("model"), "input": _texts(kept(body.get("input"))), "attributes": attributes}


def embedding_response(embeddings: Any) -> Answer:
    """Read embeddings: what they cost, not the vectors."""
    return Answer(usage=chat.usage(get(embeddings, "usage")), model=text(embeddings, "model"))


COMPLETION = Endpoint("text_completion", completion_request, completion_response, CompletionAssembly)
EMBEDDING = Endpoint("embeddings", embedding_request, embedding_response, CompletionAssembly)
