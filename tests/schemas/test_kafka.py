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


def test_settings_with_underscores_of_their_own_keep_them() -> None:
    connection = KafkaConnection.from_env({"TURNLOG_KAFKA_LOG_LEVEL": "3", "TURNLOG_KAFKA_CLIENT_ID": "me"})
    assert connection.librdkafka(error_cb=print, linger_ms=5) == {
        "bootstrap.servers": "127.0.0.1:9092",
        "log_level": "3",
        "client.id": "me",
        "error_cb": print,
        "linger.ms": 5,
    }
