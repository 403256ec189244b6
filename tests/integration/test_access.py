"""A real broker with access control lets each principal do what the table says, and nothing else."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from support import eventually
from turnlog.schemas import KafkaConnection
from turnlog.stack import topics
from turnlog.stack.access import PRINCIPALS, apply, inspect
from turnlog.stack.access.kafka import State
from turnlog.stack.kafka import Runtime, prepare_broker, render_properties
from turnlog.stack.ports import free_port

USERS = ("admin", *(f"turnlog-{each.name}" for each in PRINCIPALS), "stranger")


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[KafkaConnection]:
    """A broker that asks for names and passwords; the connection is its administrator's."""
    port = free_port()
    command = prepare_broker(Runtime.find(), tmp_path / "kafka", port, 256)
    properties = tmp_path / "kafka" / "server.properties"
    with properties.open("a", encoding="ascii") as file:
        file.write(render_properties(_guards(port, properties.read_text("ascii"))))
    with (tmp_path / "kafka.log").open("wb") as log:
        broker = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ, cwd=tmp_path)
    try:
        connection = _as("admin", KafkaConnection(f"127.0.0.1:{port}"))
        eventually(lambda: broker.poll() is not None or _answers(connection), 120)
        assert broker.poll() is None, (tmp_path / "kafka.log").read_text()
        yield connection
    finally:
        broker.kill()
        broker.wait()


def _guards(port: int, before: str) -> dict[str, str]:
    (controller,) = [line.rpartition(":")[2] for line in before.splitlines() if line.startswith("listeners=")]
    module = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    known = " ".join(f'user_{name}="{name}-password"' for name in USERS)
    return {
        "listeners": f"SASL_PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"SASL_PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "SASL_PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": (
            f'{module} username="admin" password="admin-password" {known};'
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # The broker is its own controller, by a listener that knows no names.
        "super.users": "User:admin;User:ANONYMOUS",
    }


def _as(user: str, connection: KafkaConnection) -> KafkaConnection:
    options = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": user,
        "sasl.password": f"{user}-password",
    }
    return KafkaConnection(connection.bootstrap_servers, connection.prefix, options)


def test_everybody_may_do_what_the_table_says_and_nothing_else(guarded: KafkaConnection) -> None:
    topics.apply(guarded, 1)
    assert {each.state for each in inspect(guarded)} == {State.MISSING}
    assert {each.state for each in apply(guarded)} == {State.MADE}
    eventually(lambda: {each.state for each in inspect(guarded)} == {State.THERE})

    client, processors, sinks, operator, stranger = (
        _as(name, guarded)
        for name in ("turnlog-client", "turnlog-processors", "turnlog-sinks", "turnlog-operator", "stranger")
    )
    eventually(lambda: _write(client, "raw.calls") is None)
    assert _write(client, "calls") == _write(sinks, "raw.calls") == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert _read(processors, "raw.calls", "turnlog-tail") is None
    for other, group in ((sinks, f"{guarded.prefix}sinks"), (operator, f"{guarded.prefix}tail")):
        assert _read(other, "raw.calls", group) == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert _read(client, "raw.calls", "turnlog-tail") is not None
    assert _read(stranger, "raw.calls", "turnlog-tail") is not None
    assert _write(processors, "calls") is None
    assert _read(sinks, "calls", f"{guarded.prefix}sinks") is None
    assert _read(operator, "calls", f"{guarded.prefix}tail") is None
    assert _read(stranger, "calls", "anything") is not None
    assert all(each.found for each in topics.inspect(operator, 1))
    with pytest.raises(Exception, match="super user"):
        apply(client)


def _answers(connection: KafkaConnection) -> bool:
    try:
        return bool(AdminClient(connection.librdkafka(log_level=0)).list_topics(timeout=5).brokers)
    except KafkaException:
        return False


def _write(connection: KafkaConnection, topic: str) -> int | None:
    """Write a message; return the code of the error, if that is what comes of it."""
    producer = Producer(connection.librdkafka(acks="all", enable_idempotence=True, message_timeout_ms=20_000))
    codes: list[int | None] = []
    producer.produce(
        connection.prefix + topic, b"x", on_delivery=lambda error, _: codes.append(error.code() if error else None)
    )
    producer.flush(30)
    return codes[0]


def _read(connection: KafkaConnection, topic: str, group: str) -> int | None:
    """Read a topic's first message; return the code of the error, if that is what comes of it."""
    name = connection.prefix + topic
    with closing(Consumer(connection.librdkafka(group_id=group, enable_auto_commit=False))) as consumer:
        unknown = consumer.list_topics(name, timeout=30).topics[name].error
        if unknown is not None:
            return int(unknown.code())
        consumer.assign([TopicPartition(name, 0, OFFSET_BEGINNING)])
        message = consumer.poll(30)
        assert message is not None
        trouble = message.error()
        return None if trouble is None else trouble.code()
