"""The shared servers themselves."""

import urllib.request

from confluent_kafka import Producer

from turnlog.schemas import KafkaConnection
from turnlog.stack import topics
from turnlog.stack.lag import read_lag


def test_a_prefix_has_topics_of_its_own_and_their_lag_is_told(connection: KafkaConnection) -> None:
    assert all(state.created for state in topics.apply(connection))
    producer = Producer(connection.librdkafka())
    for number in range(10):
        producer.produce(f"{connection.prefix}raw.logs", b"x", partition=number % 2)
    assert producer.flush(30) == 0
    behind = {(lag.topic, lag.partition): lag.behind for lag in read_lag(connection) if lag.behind}
    assert behind == {(f"{connection.prefix}raw.logs", 0): 5, (f"{connection.prefix}raw.logs", 1): 5}


def test_a_database_is_there_and_empty(clickhouse: str, database: str) -> None:
    query = f"SELECT count() FROM system.tables WHERE database = '{database}'"
    with urllib.request.urlopen(clickhouse, data=query.encode(), timeout=30) as answer:
        assert answer.read() == b"0\n"
