"""The client: what a chatbot holds on to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, Unpack, cast

from turnlog.producers.arguments import ClientArguments
from turnlog.producers.clock import Clock
from turnlog.producers.coerce import to_float
from turnlog.producers.delivery.outputs import Output, connector
from turnlog.producers.delivery.result import Result
from turnlog.producers.delivery.transport import Connect
from turnlog.producers.encoding.packing import Rules
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
from turnlog.producers.operations.call import Call
from turnlog.producers.operations.instruments import Instruments
from turnlog.producers.operations.moments import emit, emit_log, emit_security, pointing, scored
from turnlog.producers.operations.operation import Operation
from turnlog.producers.operations.scope import Conversation, Turn
from turnlog.producers.operations.step import Step
from turnlog.producers.pipe import Pipe
from turnlog.producers.sampling import Sampling
from turnlog.producers.secrecy import shown
from turnlog.producers.settings import Configuration
from turnlog.producers.spool import Spool
from turnlog.producers.texts.content import Contents
from turnlog.producers.texts.policy import Mask
from turnlog.producers.version import SDK_NAME, sdk_version
from turnlog.schemas import KafkaConnection, SettingError


class Client(Instruments):
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
        output: Where events go: kafka, stdout (a line of JSON each), or off.
        limits: Bounds on memory and time.
        sampling: Which conversations are kept, and what is always; by default all.
        content: What is captured of texts, and how long they may be, for all tenants or by tenant.
        mask: Called in the background thread with every text and what it is; returns the text to keep. What it fails
            on is withheld whole.
        spool: A directory for what Kafka does not take: it outlives the process. None to lose it instead.
        connect: Makes another transport than the output's, such as :mod:`turnlog.producers.testing`'s.
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
        output: Output = "kafka",
        limits: Limits | None = None,
        sampling: Sampling | None = None,
        content: Contents | None = None,
        mask: Mask | None = None,
        spool: Spool | None = None,
        connect: Connect | None = None,
        clock: Clock | None = None,
        ids: Ids | None = None,
    ) -> None:
        for name, value in (("service", service), ("tenant", tenant), ("environment", environment)):
            if not isinstance(value, str) or not value.strip():
                raise SettingError(f"{name} must be a text, not {value!r}")
        limits = limits or Limits()
        rules = Rules.checked(sampling, content, mask)
        self.service = service
        self._shown = {"tenant": tenant, "environment": environment, "output": output, "connection": connection}
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
            connect or connector(output, connection, limits, give_up=spool is None),
            limits,
            clock or Clock(),
            ids or Ids(),
            rules=rules,
            spool=spool,
        )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **arguments: Unpack[ClientArguments]) -> Self:
        """Make a client as the environment says: ``TURNLOG_SERVICE``, ``TURNLOG_TENANT`` … and Kafka's settings.

        Any setting of librdkafka is ``TURNLOG_KAFKA_<SETTING>``, with underscores for dots. Where ``TURNLOG_CONFIG``
        names a TOML file, what it says holds for what the environment leaves open; see :meth:`from_file`.

        Args:
            environ: The environment; by default the process's.
            arguments: What is to hold whatever the environment says.

        Raises:
            SettingError: If a setting is missing, unknown or can't be right; says where it was found.
        """
        return cls._configured(Configuration(environ), arguments)

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        environ: Mapping[str, str] | None = None,
        **arguments: Unpack[ClientArguments],
    ) -> Self:
        """Make a client as a TOML file says, where neither the environment nor an argument says otherwise.

        Its keys are the names of arguments; tables are ``[kafka]`` (``bootstrap_servers``, ``topic_prefix`` and any
        setting of librdkafka), ``[limits]``, ``[sampling]``, ``[content]`` and ``[content.tenants.<tenant>]``.

        Args:
            path: The file.
            environ: The environment; by default the process's.
            arguments: What is to hold whatever the two say.

        Raises:
            SettingError: As :meth:`from_env`, or if the file can't be read.
        """
        return cls._configured(Configuration(environ, path), arguments)

    @classmethod
    def _configured(cls, configuration: Configuration, arguments: ClientArguments) -> Self:
        found = {**configuration.arguments(), **arguments}
        if not found.get("service"):
            raise SettingError("TURNLOG_SERVICE must name the chatbot (or service, in the configuration)")
        try:
            return cls(**found)
        except SettingError as error:
            raise configuration.explained(error) from None

    def __repr__(self) -> str:
        """Show the settings, secrets masked."""
        connection = self._shown["connection"]
        options = shown(connection.options) if isinstance(connection, KafkaConnection) else {}
        said = [f"{name}={value!r}" for name, value in self._shown.items()] + (
            [f"options={options}"] if options else []
        )
        return f"{type(self).__name__}({self.service!r}, {', '.join(said)})"

    @property
    def producer_id(self) -> str:
        """Names this client's life in the account; another one in a forked child."""
        return self._pipe.producer_id

    # Where events belong

    def conversation(
        self, conversation_id: str, *, traceparent: str | None = None, **fields: Unpack[ScopeFields]
    ) -> Conversation:
        """Return a ``with`` or ``async with`` block whose events belong to a chat.

        Args:
            conversation_id: The chat's id.
            traceparent: The W3C header that came with a request, so that all inside joins its trace.
            fields: What else is true of every event inside, such as ``user_key``.
        """
        return Conversation(conversation_id, {**fields}, traceparent)

    def turn(
        self, turn_id: str | None = None, *, traceparent: str | None = None, **fields: Unpack[ScopeFields]
    ) -> Turn:
        """Return a ``with`` or ``async with`` block whose events belong to one exchange of a chat and share a trace.

        The trace is the request's by ``traceparent``, else that of OpenTelemetry's active span, else a new one.

        Args:
            turn_id: Its id; by default a new UUIDv7.
            traceparent: The W3C header that came with the request.
            fields: What else is true of every event inside.
        """
        return Turn(self._pipe.ids, turn_id, {**fields}, traceparent)

    # What takes time

    def call(self, *, provider: str, model: str, input: Any = None, **fields: Unpack[CallFields]) -> Call:  # noqa: A002 - the word for it
        """Start a model call: use it as a ``with`` or ``async with`` block, or keep it and :meth:`Call.finish` it.

        Args:
            provider: Who serves the model: openai, anthropic, vllm …
            model: The model asked for.
            input: What it is asked: messages as OpenAI's API or OpenTelemetry has them, or one text.
            fields: What else is known, by name.
        """
        return Call(self._pipe, provider, model, input, cast("Fields", fields))

    start_call = call

    def step(self, kind: StepKind, name: str, **fields: Unpack[StepFields]) -> Step:
        """Start a step: use it as a ``with`` or ``async with`` block, or keep it and :meth:`Step.finish` it.

        Args:
            kind: What kind of step.
            name: The tool, index, guardrail or agent.
            fields: What else is known, by name.
        """
        return Step(self._pipe, kind, name, cast("Fields", fields))

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
        return self._pipe.flush(_seconds(timeout))

    def close(self, timeout: float = 10.0) -> Result:
        """Deliver what is queued, account for the rest, and stop, in about that many seconds at most.

        With a spool the rest stays there for the next process; if all of it is there and Kafka away, that is not waited
        for.
        """
        return self._pipe.close(_seconds(timeout))

    def result(self) -> Result:
        """Return the counts so far, at once."""
        return self._pipe.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _seconds(timeout: Any) -> float:
    """Return a number of seconds to wait; the default for what is none, for ends must not raise either."""
    try:
        return min(max(0.0, to_float(timeout)), _LONGEST)
    except Exception:  # noqa: BLE001 - a value's own methods may do anything
        return _DEFAULT


_DEFAULT = 10.0
_LONGEST = 86_400.0


def _host() -> str | None:
    return os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME")
