"""Names and types of the keyword arguments that events share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, TypedDict

Moment = datetime | int | float | str
"""A datetime (naive: UTC), an int of microseconds since 1970, a float of seconds, or ISO 8601 text."""

Span = timedelta | float
"""A timedelta, or seconds."""

Status = Literal["ok", "error", "timeout", "cancelled"]
LogType = Literal["info", "debug", "error", "security"]
StepKind = Literal["retrieval", "tool", "guardrail", "agent", "chain", "embedding", "rerank", "other"]
ScoreSource = Literal["user", "annotator", "model", "code"]
DeploymentAction = Literal["rollout", "ramp", "promote", "rollback", "retire"]
DeploymentState = Literal["planned", "started", "succeeded", "failed"]
ModelState = Literal["registered", "active", "deprecated", "retired"]


class CommonFields(TypedDict, total=False):
    """What any event may say about where it belongs; by default it comes from the code around it.

    Attributes:
        event_id: A UUID; other text is turned into one, the same each time, so that history sent twice counts once.
        event_time: When it happened.
        tenant: Whose data it is.
        attributes: Anything else, as text by name.
        retention_days: Days to keep it, instead of its table's default.
        sample_weight: How many events it stands for, where someone has left out others like it before.
    """

    event_id: str
    event_time: Moment
    tenant: str
    conversation_id: str
    turn_id: str
    request_id: str
    user_key: str
    session_id: str
    trace_id: str
    span_id: str
    parent_span_id: str
    attributes: Mapping[str, Any]
    retention_days: int
    sample_weight: int


class ScopeFields(TypedDict, total=False):
    """What a conversation or turn may say about every event inside it."""

    tenant: str
    request_id: str
    user_key: str
    session_id: str
    attributes: Mapping[str, Any]
    retention_days: int


class TimedFields(CommonFields, total=False):
    """What calls and steps share: they take time. Both times are measured unless given."""

    start_time: Moment
    duration: Span


class CallFields(TimedFields, total=False):
    """What may be said of a call at its start or at its end, by the names of OpenTelemetry's GenAI conventions.

    Attributes:
        usage: Token counts as OpenAI's API names them or as the schema does, and other units. Input tokens include
            cached ones and output tokens reasoning.
        cost: What it cost, if the provider said so.
        time_to_first_chunk: Given for history only; a live call measures it.
    """

    operation: str
    system: Any
    tools: Sequence[Any]
    model_version_id: str
    deployment_id: str
    variant: str
    prompt_name: str
    prompt_version: str
    agent_name: str
    temperature: float
    top_p: float
    top_k: int
    max_tokens: int
    frequency_penalty: float
    presence_penalty: float
    seed: int
    stop: str | Sequence[str]
    retries: int
    response_model: str | None
    response_id: str | None
    finish_reason: str | Sequence[str] | None
    usage: Any
    cost: Decimal | str | float
    cost_currency: str
    time_to_first_chunk: Span
    output_chunks: int


class StepFields(TimedFields, total=False):
    """What may be said of a step at its start or at its end.

    Attributes:
        documents: What a retrieval returned, best first: mappings with id, source, version, score, text.
        verdict: A guardrail's finding: pass, warn, fail …
        action: What the guardrail did: allow, block, rewrite, escalate …
        call_id: event_id of the model call that asked for the step.
        parent_step_id: event_id of the enclosing step.
    """

    input: Any
    documents: Sequence[Any]
    tool_call_id: str
    verdict: str
    action: str
    call_id: str
    parent_step_id: str
    model_version_id: str


class LogFields(CommonFields, total=False):
    """What may be said of a log line."""

    severity: int
    severity_text: str
    logger: str
    event_name: str
    template: str
    exception: BaseException
    code_file: str
    code_line: int
    code_function: str
    fingerprint: str
    call_id: str
    model_version_id: str


class SecurityFields(LogFields, total=False):
    """What may be said of a security event; see OWASP's logging vocabulary and its LLM Top 10."""

    category: str
    owasp_llm: str
    target: str
    verdict: str
    action: str
    outcome: str
    risk_score: float
    detector: str
    rule_id: str
    source_ip: str
    evidence_hash: str


class ScoreFields(CommonFields, total=False):
    """What may be said of a score.

    Attributes:
        source: Who judged.
        correction: What the answer should have been.
        rejected_event_id: event_id of the answer that lost a comparison.
        evaluator: Name and version of the evaluation, or the annotator's pseudonym.
        data_type: How to read the value, where its type does not say it.
    """

    source: ScoreSource
    label: str
    explanation: str
    correction: str
    rejected_event_id: str
    evaluator: str
    data_type: Literal["numeric", "categorical", "boolean", "text"]


class DeploymentFields(CommonFields, total=False):
    """What may be said of a deployment."""

    chatbot: str
    state: DeploymentState
    model_version_id: str
    previous_model_version_id: str
    traffic_percent: float
    variant: str
    reason: str
    actor: str
    prompt_name: str
    prompt_version: str
    config_hash: str


class ModelFields(CommonFields, total=False):
    """What may be said of a model version.

    Attributes:
        revision: Counts changes to the entry; the highest is in force.
        match_names: Request or response model names that mean this version; a trailing * matches any ending.
        prices: Amounts for a million units by unit, or mappings with all that a price can say.
    """

    revision: int
    version: str
    base_model: str
    state: ModelState
    aliases: Sequence[str]
    match_names: Sequence[str]
    context_window: int
    artifact_digest: str
    training_data: Sequence[str]
    prices: Mapping[str, Decimal | str | int] | Sequence[Mapping[str, Any]]
    tags: Mapping[str, str]


class DatasetFields(CommonFields, total=False):
    """What may be said of a dataset.

    Attributes:
        transformations: Steps in order: mappings with step, code_version, parameters, rows_in, rows_out.
    """

    name: str
    origin_query: str
    origin_coordinates: Sequence[str]
    origin_uris: Sequence[str]
    transformations: Sequence[Mapping[str, Any]]
    parents: Sequence[str]
    consent: str
    content_hash: str
    models: Sequence[str]
