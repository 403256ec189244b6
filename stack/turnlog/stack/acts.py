"""Records what the commands do in the audit trail."""

import getpass
import os
from collections.abc import Mapping
from pathlib import Path

import typer

from turnlog.schemas import KafkaConnection, TransientError
from turnlog.sinks import Migrated, audit
from turnlog.sinks.audit import PIPELINE
from turnlog.stack.datadir import DataDirectory
from turnlog.stack.servers import KAFKA_VARIABLE, Servers, resolve
from turnlog.stack.state import read_state


def actor() -> str:
    """Return who acts: TURNLOG_ACTOR, else the name under which the system knows who runs this."""
    named = os.environ.get("TURNLOG_ACTOR")
    if named:
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"uid {os.getuid()}"


def note_act(
    connection: KafkaConnection,
    action: str,
    resource: str,
    *,
    tenant: str = PIPELINE,
    attributes: Mapping[str, str] | None = None,
    rows: int | None = None,
) -> None:
    """Record what a command has done; where Kafka is away, say that it is not recorded.

    For acts that do not need Kafka themselves, and that must work without it. Blocks for some seconds at most.
    """
    try:
        audit.record_act(
            connection, actor(), action, resource, tenant=tenant, attributes=dict(attributes or {}), rows=rows
        )
    except TransientError as error:
        typer.echo(f"not in the audit trail: {error}", err=True)


def record_act(
    action: str,
    resource: str,
    reason: str | None = None,
    *,
    outcome: str = "done",
    tenant: str | None = None,
    data: Path | None = None,
) -> None:
    """Record an act on the servers that a command talks to; blocks until Kafka has it.

    For acts that must not happen unrecorded: what this raises before one prevents it.

    Args:
        action: What is done, such as ``keys.destroy``.
        resource: To what; never a plain identity.
        reason: Why.
        outcome: ``begun`` right before, ``done``, ``refused`` or ``failed``.
        tenant: Whose data; None for the pipeline as a whole.
        data: The data directory that the command was given.

    Raises:
        TransientError: Kafka does not take it.
        UserError: There are no servers to talk to.
    """
    connection = resolve(data).kafka_connection()
    whose = PIPELINE if tenant is None else tenant
    audit.record_act(connection, actor(), action, resource, tenant=whose, outcome=outcome, reason=reason)


def record_key_act(
    action: str,
    resource: str,
    *,
    outcome: str,
    tenant: str | None = None,
    reason: str | None = None,
    data: Path | None = None,
) -> None:
    """Record what is done to keys, as :func:`record_act`; where no stack is named, say that it is not recorded.

    Keys may be prepared before there is any.
    """
    if KAFKA_VARIABLE not in os.environ and read_state(DataDirectory.choose(data).state) is None:
        typer.echo("not in the audit trail: no stack is named", err=True)
        return
    record_act(action, resource, reason, outcome=outcome, tenant=tenant, data=data)


def note_migration(servers: Servers, done: Migrated) -> None:
    """Record what a migration has changed, if it has changed anything; as :func:`note_act`."""
    if not done.applied and not done.retention:
        return
    changes = {"applied": ", ".join(done.applied), "retention": ", ".join(done.retention)}
    attributes = {name: value for name, value in changes.items() if value}
    note_act(servers.kafka_connection(), "database.migrate", "tables", attributes=attributes)
