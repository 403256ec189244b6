"""Records what the commands do in the audit trail."""

import getpass
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path

import typer
from clickhouse_connect.driver.exceptions import ClickHouseError

from turnlog.schemas import RECORDS, KafkaConnection, TransientError, TurnlogError, load, released
from turnlog.sinks import Migrated, audit, client
from turnlog.sinks.audit import PIPELINE
from turnlog.sinks.clients import unavailable
from turnlog.sinks.retention import kept_days
from turnlog.stack.datadir import DataDirectory
from turnlog.stack.servers import KAFKA_VARIABLE, Servers, resolve
from turnlog.stack.state import read_state
from turnlog.stack.topics import TopicState


@dataclass
class End:
    """What came of an act.

    Attributes:
        rows: How many rows it touched.
        attributes: Anything else worth keeping.
    """

    rows: int | None = None
    attributes: dict[str, str] = field(default_factory=dict)


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
    reason: str | None = None,
    rows: int | None = None,
) -> bool:
    """Record what a command has done; where Kafka is away, say that it is not recorded, and return False.

    For acts that do not need Kafka themselves, and that must work without it. Blocks for some seconds at most.
    """
    try:
        audit.record_act(
            connection,
            actor(),
            action,
            resource,
            tenant=tenant,
            attributes=dict(attributes or {}),
            reason=reason,
            rows=rows,
        )
    except TransientError as error:
        typer.echo(f"not in the audit trail: {error}", err=True)
        return False
    return True


def record_act(
    action: str,
    resource: str,
    reason: str | None = None,
    *,
    outcome: str = "done",
    tenant: str | None = None,
    data: Path | None = None,
    end: End | None = None,
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
        end: What came of it.

    Raises:
        TransientError: Kafka does not take it.
        UserError: There are no servers to talk to.
    """
    connection = resolve(data).kafka_connection()
    known = end or End()
    audit.record_act(
        connection,
        actor(),
        action,
        resource,
        tenant=PIPELINE if tenant is None else tenant,
        outcome=outcome,
        reason=reason,
        rows=known.rows,
        attributes=dict(known.attributes),
    )


@contextmanager
def recorded(
    action: str, resource: str, reason: str | None = None, *, tenant: str | None = None, data: Path | None = None
) -> Iterator[End]:
    """Record an act as begun, let it happen, and record it as done or failed; gives what to fill in with its end.

    An act that is begun and never ended was cut off, and must be looked at. Raises as :func:`record_act`, before the
    act, or after it where only its end could not be recorded.
    """
    record = partial(record_act, action, resource, reason, tenant=tenant, data=data)
    record(outcome="begun")
    end = End()
    try:
        yield end
    except BaseException:
        try:
            record(outcome="failed", end=end)
        except TurnlogError as error:
            typer.echo(f"not in the audit trail: {error}", err=True)
        raise
    record(outcome="done", end=end)


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


def note_topics(connection: KafkaConnection, states: Sequence[TopicState]) -> None:
    """Record which topics were made, if any were; as :func:`note_act`."""
    if made := [state.topic.name for state in states if state.created]:
        note_act(connection, "topics.apply", connection.prefix, attributes={"created": ", ".join(made)})


def note_migration(servers: Servers, done: Migrated, *, new: bool = False) -> None:
    """Record what a migration has changed, and which schemas are in use from now on; as :func:`note_act`.

    What has not changed is not recorded.

    Args:
        servers: Where it was done.
        done: What was done.
        new: Whether there was no database before, of whose tables there is nothing to tell.
    """
    connection = servers.kafka_connection()
    acts: list[tuple[str, str, Mapping[str, str]]] = []
    if done.applied and not new:
        acts.append(("database.migrate", "tables", {"applied": ", ".join(done.applied)}))
    if done.retention and not new:
        acts.append(("retention.change", "tables", kept_days(done.retention)))
    prints = {record: load(record).fingerprint.hex() for record in RECORDS}
    schemas = f"schemas {sha256(''.join(prints.values()).encode()).hexdigest()[:16]}"
    if not _is_known(connection, servers.clickhouse, "schemas.release", schemas):
        acts.append(("schemas.release", schemas, {"release": str(max(released())), **prints}))
    for action, resource, attributes in acts:
        if not note_act(connection, action, resource, attributes=attributes):
            return  # nor would the next be taken


def _is_known(connection: KafkaConnection, clickhouse: str, action: str, resource: str) -> bool:
    """Tell whether the pipeline's chain has an act: in the table, or in Kafka where that is not loaded yet."""
    server = client(clickhouse)
    try:
        found = server.query(
            "SELECT count() FROM audit WHERE action = {action:String} AND resource = {resource:String}",
            parameters={"action": action, "resource": resource},
        ).result_rows[0][0]
    except (ClickHouseError, OSError) as error:
        raise unavailable(error, "ClickHouse, table audit") from error
    finally:
        server.close()
    if found:
        return True
    try:
        events = audit.read_topic(connection, PIPELINE)
    except TransientError:
        return False  # to record it will fail as well, and say so
    return any((event["action"], event["resource"]) == (action, resource) for event in events)
