"""The audit trail on a real broker and a real engine: chains that nobody forks, and every tampering named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined] # its stubs forget to export it

from sinkbench import SinkBench
from support import eventually
from turnlog.schemas import KafkaConnection
from turnlog.sinks.audit import (
    Act,
    Commit,
    OffsetsRefusedError,
    append,
    chains,
    check,
    read_topic,
    record_act,
)
from turnlog.stack import topics
from turnlog.stack.cli import run
from turnlog.stack.lag import read_lag

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def bench(connection: KafkaConnection, clickhouse: str, database: str, tmp_path: Path) -> Iterator[SinkBench]:
    made = SinkBench(connection, clickhouse, database, tmp_path)
    made.prepare()
    try:
        yield made
    finally:
        made.close()


def test_writers_at_once_make_one_chain_for_each_tenant(connection: KafkaConnection) -> None:
    topics.apply(connection)

    def write(number: int) -> None:
        record_act(connection, f"writer {number}", "a.test", "r", tenant=f"t{number % 2}", rows=number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(8)))
    found = chains(read_topic(connection))
    assert {tenant: len(events) for tenant, events in found.items()} == {"t0": 4, "t1": 4}
    assert all(check(tenant, events) is None for tenant, events in found.items())
    assert sorted(event["rows_affected"] for events in found.values() for event in events) == list(range(8))


def test_an_act_is_recorded_once_and_not_behind_the_back_of_an_open_transaction(connection: KafkaConnection) -> None:
    topics.apply(connection)
    act = Act("ann", "a.test", "r", tenant="t")
    first = append(connection, act)
    record_act(connection, "bob", "a.test", "r", tenant="u")
    stranger = Producer(connection.librdkafka(transactional_id=f"{connection.prefix}stranger", log_level=0))
    stranger.init_transactions(20)
    stranger.begin_transaction()
    stranger.produce(f"{connection.prefix}audit", b"never committed", partition=0)
    assert stranger.flush(20) == 0
    # What others have committed may lie behind it: who did not wait for its end would fork their chain.
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(record_act, connection, "eve", "a.test", "r", tenant="u")
        with pytest.raises(TimeoutError):
            waiting.result(0.7)
        stranger.abort_transaction(20)
        second = waiting.result(60)
    assert second["chain_number"] == 2
    assert append(connection, act) == first
    found = chains(read_topic(connection))
    assert {tenant: len(events) for tenant, events in found.items()} == {"t": 1, "u": 2}
    assert check("u", found["u"]) is None


@pytest.fixture
def audited(bench: SinkBench, monkeypatch: pytest.MonkeyPatch) -> SinkBench:
    """Eight acts of one tenant and one of another, in the table; the commands talk to these servers."""
    for name, value in {
        "TURNLOG_KAFKA_BOOTSTRAP_SERVERS": bench.connection.bootstrap_servers,
        "TURNLOG_TOPIC_PREFIX": bench.connection.prefix,
        "TURNLOG_CLICKHOUSE_URL": f"{bench.url}/{bench.database}",
    }.items():
        monkeypatch.setenv(name, value)
    for number in range(8):
        attributes = {"größe": "ü\n", "n": str(number)}
        record_act(bench.connection, "ann", "a.test", f"r{number}", tenant="t", rows=number, attributes=attributes)
    record_act(bench.connection, "ann", "b.test", "r", tenant="u", reason='a "reason"')
    bench.start()
    bench.wait_for("audit", 9)
    return bench


def verified(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    capsys.readouterr()
    code = run(["audit", "verify", *arguments])
    return code, capsys.readouterr().out


def test_every_tampering_is_found_and_named(
    audited: SinkBench, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["audit", "anchor"]) == 0
    anchor = tmp_path / "anchor"
    anchor.write_text(capsys.readouterr().out)
    for source in ("clickhouse", "kafka"):
        code, said = verified(capsys, "--source", source, "--anchor", str(anchor))
        assert (code, said.count("whole")) == (0, 2), said
    assert run(["audit", "export", str(tmp_path / "trail.jsonl"), "--tenant", "t"]) == 0
    exported = [json.loads(line) for line in (tmp_path / "trail.jsonl").read_text("utf-8").splitlines()]
    assert len(exported) == 8
    assert check("t", exported) is None

    table = f"{audited.database}.audit"
    audited._client.command(f"CREATE TABLE {table}_kept AS {table}")
    audited._client.command(f"INSERT INTO {table}_kept SELECT * FROM {table}")
    swap = "multiIf(chain_number = 3, 6, chain_number = 6, 3, chain_number)"
    contents = "multiIf(chain_number = 2, 'r4', chain_number = 5, 'r1', resource)"
    for change, name in (
        ("UPDATE reason = 'because' WHERE tenant_id = 't' AND chain_number = 4", "event 4 {} was altered"),
        ("DELETE WHERE tenant_id = 't' AND chain_number = 4", "event 4 is missing"),
        (f"UPDATE chain_number = {swap} WHERE tenant_id = 't'", "event 3 {} was swapped with event 6"),
        (f"UPDATE resource = {contents} WHERE tenant_id = 't'", "event 2 {} was altered"),
        ("DELETE WHERE tenant_id = 't' AND chain_number > 6", None),
    ):
        audited._client.command(f"ALTER TABLE {table} {change} SETTINGS mutations_sync = 2")
        code, said = verified(capsys)
        if name is None:
            assert code == 0, "only an anchor tells that the end is gone"
            code, said = verified(capsys, "--anchor", str(anchor), "--json")
            (found,) = json.loads(said)["breaks"]
            assert (found["kind"], found["number"]) == ("truncated", 7)
        else:
            assert name.split("{}")[0] in said
            assert name.split("{}")[-1] in said
        assert code == 1
        assert verified(capsys, "--tenant", "u")[0] == 0
        audited._client.command(f"TRUNCATE TABLE {table}")
        audited._client.command(f"INSERT INTO {table} SELECT * FROM {table}_kept")
        assert verified(capsys)[0] == 0


def test_ends_of_transactions_neither_worry_the_sink_nor_count_as_lag(bench: SinkBench) -> None:
    def act_and_wait(number: int) -> None:
        record_act(bench.connection, "ann", "a.test", "r", tenant="t")
        bench.wait_for("audit", number)

    def through() -> bool:
        return all(lag.behind == 0 for lag in read_lag(bench.connection) if lag.topic.endswith("audit"))

    bench.start()
    for number in (1, 2):
        act_and_wait(number)
        eventually(through, 30)
    assert bench.stop() == 0
    bench.start("again")
    act_and_wait(3)
    assert "gone" not in bench.log() + bench.log("again")
    assert bench.count("dead_letters") == 0


def test_offsets_are_committed_with_the_act_or_not_at_all(connection: KafkaConnection) -> None:
    topics.apply(connection)
    place = TopicPartition(f"{connection.prefix}privacy", 0)
    consumer = Consumer(connection.librdkafka(group_id=f"{connection.prefix}g", enable_auto_commit=False))
    consumer.assign([place])
    act = Act("ann", "a.test", "r", tenant="t")
    offset = TopicPartition(place.topic, 0, 7)
    for _ in range(2):  # the second time, the act stands there already
        append(connection, act, Commit([offset], consumer.consumer_group_metadata()))
        assert consumer.committed([place], 10)[0].offset == 7
    consumer.close()
    assert len(read_topic(connection)) == 1


def test_who_lost_what_it_wants_to_commit_is_told_and_writes_nothing(connection: KafkaConnection) -> None:
    topics.apply(connection)
    record_act(connection, "ann", "a.test", "first", tenant="t")

    def join() -> Consumer:
        consumer = Consumer(
            connection.librdkafka(
                group_id=f"{connection.prefix}g", group_instance_id="one", enable_auto_commit=False, log_level=0
            )
        )
        consumer.subscribe([f"{connection.prefix}privacy"])
        eventually(lambda: consumer.poll(0.1) is None and consumer.assignment(), 60)
        return consumer

    lost = join()
    metadata = lost.consumer_group_metadata()
    new = join()
    offset = TopicPartition(f"{connection.prefix}privacy", 0, 7)
    with pytest.raises(OffsetsRefusedError):
        append(connection, Act("ann", "a.test", "second", tenant="t"), Commit([offset], metadata))
    assert len(read_topic(connection)) == 1
    append(connection, Act("ann", "a.test", "third", tenant="t"), Commit([offset], new.consumer_group_metadata()))
    assert [each["resource"] for each in read_topic(connection)] == ["first", "third"]
    lost.close()
    new.close()


def test_a_topic_that_somebody_makes_larger_forks_no_chain(connection: KafkaConnection) -> None:
    topics.apply(connection)
    tenants = ["t", "u", "v", "w"]
    for tenant in tenants:
        record_act(connection, "ann", "a.test", "r", tenant=tenant)
    topic = f"{connection.prefix}audit"
    admin = AdminClient(connection.librdkafka())
    for future in admin.create_partitions([NewPartitions(topic, 5)]).values():
        future.result(30)
    eventually(lambda: len(admin.list_topics(topic, 10).topics[topic].partitions) == 5, 30)
    for tenant in tenants:
        assert record_act(connection, "ann", "a.test", "r", tenant=tenant)["chain_number"] == 2
