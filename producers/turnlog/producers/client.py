"""The client: what a chatbot holds on to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, Unpack

from turnlog.producers.call import Call
from turnlog.producers.clock import Clock
from turnlog.producers.connecting import kafka
from turnlog.producers.fields import (
    CallFields,
    DatasetFields,
    DeploymentAction,
    DeploymentFields,
    LogFields,
    LogType,
    ModelFields,
    ScopeFields,
    ScoreFields,
    SecurityFields,
    StepFields,
    StepKind,
)
from turnlog.producers.ids import Ids
from turnlog.producers.kinds import DATASET, DEPLOYMENT, MODEL, SCORE, Fields
from turnlog.producers.limits import Limits
from turnlog.producers.moments import emit, emit_log, emit_security, pointing, scored
from turnlog.producers.operation import Operation
from turnlog.producers.pipe import Pipe
from turnlog.producers.result import Result
from turnlog.producers.scope import Conversation, Turn, traceparent
from turnlog.producers.spool import Spool
from turnlog.producers.step import Step
from turnlog.producers.transport import Connect
from turnlog.producers.version import SDK_NAME, sdk_version
from turnlog.schemas import KafkaConnection, SettingError


class Client:
    """Logs a chatbot's calls, steps, lines, scores and releases, off the chatbot's path.

    Safe to use from any thread and any task; one per process is enough. After the constructor nothing raises, whatever
    is passed in and whatever state Kafka is in, and nothing blocks but :meth:`flush` and :meth:`close`: an event is
    copied into a bounded queue, and a background thread does the rest. What can't be sent is counted by reason, told
    to the logger ``turnlog`` at intervals, and accounted for in-band.

    Connects at the first event, so a client made before a fork serves the children too, each with a life of its own.
    As a ``with`` block it closes at the end; a client that was not closed is closed when the process ends.

    Args:
        service: The chatbot's name.
        tenant: Whose data this is, unless an event or conversation says otherwise.
        environment: production, staging, development …
        service_version: The chatbot's release.
        service_instance: Which instance of it; by default the host's name.
        connection: Where Kafka is.
        limits: Bounds on memory and time.
        spool: A directory for what Kafka does not take: it outlives the process. None to lose it instead.
        connect: Makes another transport than Kafka's, such as :mod:`turnlog.producers.testing`'s.
        clock: Where the time is read.
        ids: Where ids come from.

    Raises:
        SettingError: If a setting can't be right.
    """

    def __init__(
        self,
        service: str,
        *,
        tenant: str = "default",
        environment: str = "production",
        service_version: str | None = None,
        service_instance: str | None = None,
        connection: KafkaConnection | None = None,
        limits: Limits | None = None,
        spool: Spool | None = None,
        connect: Connect | None = None,
        clock: Clock | None = None,
        ids: Ids | None = None,
    ) -> None:
        for name, value in (("service", service), ("tenant", tenant), ("environment", environment)):
            if not isinstance(value, str) or not value.strip():
                raise SettingError(f"{name} must be a text, not {value!r}")
        limits = limits or Limits()
        self.service = service
        self._pipe = Pipe(
            {
                "tenant_id": tenant,
                "service_name": service,
                "service_version": service_version,
                "service_instance_id": service_instance or _host(),
                "environment": environment,
                "sdk_name": SDK_NAME,
                "sdk_version": sdk_version(),
            },
            connect or kafka(connection or KafkaConnection(), limits, give_up=spool is None),
            limits,
            clock or Clock(),
            ids or Ids(),
            spool=spool,
        )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, *, limits: Limits | None = None) -> Self:
        """Make a client as the environment says.

        Reads ``TURNLOG_SERVICE``, ``TURNLOG_TENANT``, ``TURNLOG_ENVIRONMENT``, ``TURNLOG_SERVICE_VERSION``,
        ``TURNLOG_SERVICE_INSTANCE``, the spool's settings by :meth:`turnlog.producers.Spool.from_env`, and Kafka's by
        :meth:`turnlog.schemas.KafkaConnection.from_env`.

        Raises:
            SettingError: If a setting is missing or can't be right.
        """
        env = os.environ if environ is None else environ
        service = env.get("TURNLOG_SERVICE")
        if not service:
            raise SettingError("TURNLOG_SERVICE must name the chatbot")
        return cls(
            service,
            tenant=env.get("TURNLOG_TENANT") or "default",
            environment=env.get("TURNLOG_ENVIRONMENT") or "production",
            service_version=env.get("TURNLOG_SERVICE_VERSION"),
            service_instance=env.get("TURNLOG_SERVICE_INSTANCE"),
            connection=KafkaConnection.from_env(env),
            limits=limits,
            spool=Spool.from_env(env),
        )

    @property
    def producer_id(self) -> str:
        """Names this client's life in the account; another one in a forked child."""
        return self._pipe.producer_id

    # Where events belong

    def conversation(
        self, conversation_id: str, *, traceparent: str | None = None, **fields: Unpack[ScopeFields]
    ) -> Conversation:
        """Return a ``with`` block whose events belong to a chat.

        Args:
            conversation_id: The chat's id.
            traceparent: The W3C header that came with a request, so that all inside joins its trace.
            fields: What else is true of every event inside, such as ``user_key``.
        """
        return Conversation(conversation_id, {**fields}, traceparent)

    def turn(
        self, turn_id: str | None = None, *, traceparent: str | None = None, **fields: Unpack[ScopeFields]
    ) -> Turn:
        """Return a ``with`` block whose events belong to one exchange of a chat and share a trace.

        Args:
            turn_id: Its id; by default a new UUIDv7.
            traceparent: The W3C header that came with the request.
            fields: What else is true of every event inside.
        """
        return Turn(self._pipe.ids, turn_id, {**fields}, traceparent)

    def traceparent(self) -> str | None:
        """Return the W3C header for requests made here; None outside of a call, step or incoming trace."""
        return traceparent()

    # What takes time

    def call(self, *, provider: str, model: str, input: Any = None, **fields: Unpack[CallFields]) -> Call:  # noqa: A002 - the word for it
        """Start a model call: use it as a ``with`` block, or keep it and :meth:`Call.finish` it.

        Args:
            provider: Who serves the model: openai, anthropic, vllm …
            model: The model asked for.
            input: What it is asked: messages as OpenAI's API or OpenTelemetry has them, or one text.
            fields: What else is known, by name.
        """
        return Call(self._pipe, provider, model, input, {**fields})

    start_call = call

    def step(self, kind: StepKind, name: str, **fields: Unpack[StepFields]) -> Step:
        """Start a step: use it as a ``with`` block, or keep it and :meth:`Step.finish` it.

        Args:
            kind: What kind of step.
            name: The tool, index, guardrail or agent.
            fields: What else is known, by name.
        """
        return Step(self._pipe, kind, name, {**fields})

    start_step = step

    # What happens at a moment; each returns the event's id

    def log(self, log_type: LogType, body: str, **fields: Unpack[LogFields]) -> str:
        """Log a line of one of the four types."""
        return emit_log(self._pipe, log_type, body, {**fields})

    def info(self, body: str, **fields: Unpack[LogFields]) -> str:
        """Log a line of type info."""
        return emit_log(self._pipe, "info", body, {**fields})

    def debug(self, body: str, **fields: Unpack[LogFields]) -> str:
        """Log a line of type debug; kept for days only, and the first to go when the queue is full."""
        return emit_log(self._pipe, "debug", body, {**fields})

    def error(self, body: str, **fields: Unpack[LogFields]) -> str:
        """Log a line of type error; ``exception=`` adds its type, message and traceback."""
        return emit_log(self._pipe, "error", body, {**fields})

    def security(self, event: str, body: str | None = None, **fields: Unpack[SecurityFields]) -> str:
        """Log a security event; the last to go when the queue is full.

        Args:
            event: Its name in OWASP's logging vocabulary: mcp_prompt_injection, authn_login_fail …
            body: What to read; never the evidence itself, for which there is ``evidence_hash``.
            fields: What else is known, by name.
        """
        return emit_security(self._pipe, event, body, {**fields})

    def score(
        self,
        name: str,
        value: float | bool | str | None = None,
        *,
        target: Operation | str | None = None,
        **fields: Unpack[ScoreFields],
    ) -> str:
        """Record feedback or the verdict of an evaluation.

        Args:
            name: What is judged: helpfulness, thumbs, faithfulness …
            value: A number, a yes or no, or a category.
            target: The call or step that is judged, or its event_id; without one the conversation is.
            fields: What else is known, by name.
        """
        return emit(self._pipe, SCORE, {**pointing(target), **scored(value), **fields, "name": name})

    # What calls are joined with

    def deployment(self, deployment_id: str, action: DeploymentAction, **fields: Unpack[DeploymentFields]) -> str:
        """Announce a release, ramp or rollback of a model version or prompt.

        Args:
            deployment_id: Names the deployment; further acts on it use the same.
            action: What is done.
            fields: What else is known; ``chatbot`` is this service by default, ``state`` is succeeded.
        """
        given: Fields = {"chatbot": self.service, "state": "succeeded", **fields}
        return emit(self._pipe, DEPLOYMENT, {**given, "deployment_id": deployment_id, "action": action})

    def model_version(self, model_version_id: str, *, provider: str, name: str, **fields: Unpack[ModelFields]) -> str:
        """Register a model version, or a new revision of its entry.

        Args:
            model_version_id: Names the version.
            provider: Who serves it.
            name: The model's name.
            fields: What else is known; ``prices`` may be amounts for a million units by unit, or a list of mappings
                with unit, amount, per, currency, valid_from, valid_to. Amounts are Decimals or texts.
        """
        given: Fields = {"state": "registered", **fields}
        return emit(
            self._pipe, MODEL, {**given, "model_version_id": model_version_id, "provider_name": provider, "name": name}
        )

    def dataset(self, dataset_id: str, **fields: Unpack[DatasetFields]) -> str:
        """Register data that a model was or may be trained on, and where it came from."""
        return emit(self._pipe, DATASET, {**fields, "dataset_id": dataset_id})

    # Ends

    def flush(self, timeout: float = 10.0) -> Result:
        """Wait until everything logged so far is delivered or given up, at most that many seconds.

        What is on disk meanwhile is ``spooled``; what is ``pending`` is in memory only.
        """
        return self._pipe.flush(timeout)

    def close(self, timeout: float = 10.0) -> Result:
        """Deliver what is queued, account for the rest, and stop, in about that many seconds at most.

        With a spool the rest stays there for the next process; if all of it is there and Kafka away, that is not waited
        for.
        """
        return self._pipe.close(timeout)

    def result(self) -> Result:
        """Return the counts so far, at once."""
        return self._pipe.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _host() -> str | None:
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME")
