"""Kafka settings from the environment."""

from __future__ import annotations

import pytest

from turnlog.schemas import KafkaConnection, SettingError


def test_settings_come_from_the_environment() -> None:
    connection = KafkaConnection.from_env(
        {
            "TURNLOG_KAFKA_BOOTSTRAP_SERVERS": "a:1,b:2",
            "TURNLOG_TOPIC_PREFIX": "x.",
            "TURNLOG_KAFKA_SASL_PASSWORD": "hush",
        }
    )
    assert connection.librdkafka(enable_idempotence=True) == {
        "bootstrap.servers": "a:1,b:2",
        "sasl.password": "hush",
        "enable.idempotence": True,
    }
    assert "hush" not in repr(connection)


@pytest.mark.parametrize("servers", ["", "a", "a:", ":1", "a:1,b"])
def test_malformed_servers_are_named(servers: str) -> None:
    with pytest.raises(SettingError, match="host:port"):
        KafkaConnection(servers)


def test_a_malformed_prefix_is_named() -> None:
    with pytest.raises(SettingError, match="prefix"):
        KafkaConnection(prefix="a b")
