"""100 threads, 1,000 tasks and 8 forked workers log at once: order holds, and sequences have no holes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from integration import crowd
from integration.consuming import LOG_RECORD, MODEL_CALL, read
from turnlog.producers import REPORT_NAME
from turnlog.schemas import KafkaConnection
from turnlog.stack import topics

MEMBERS = crowd.THREADS + crowd.TASKS + crowd.WORKERS


def test_a_crowd_logs_at_once(connection: KafkaConnection) -> None:
    topics.apply(connection)
    program = [sys.executable, str(Path(crowd.__file__)), connection.bootstrap_servers, connection.prefix]
    said = subprocess.run(program, check=True, timeout=240, stdout=subprocess.PIPE, text=True).stdout
    sent = {producer_id: int(count) for producer_id, count in (line.split() for line in said.splitlines())}
    assert len(sent) == 1 + crowd.WORKERS

    sequences: dict[object, list[int]] = defaultdict(list)
    told: dict[tuple[object, str], list[tuple[int | None, int, str]]] = defaultdict(list)
    reports = 0
    for topic, decoder in (("raw.logs", LOG_RECORD), ("raw.calls", MODEL_CALL)):
        for message in read(connection, topic):
            event = decoder.decode(message.value())
            sequence = int(str(event["sequence"]))
            sequences[event["producer_id"]].append(sequence)
            if event.get("event_name") == REPORT_NAME:
                reports += 1
                continue
            text = str(event.get("body") or json.loads(str(event["input_messages"]))[0]["parts"][0]["content"])
            told[event["conversation_id"], topic].append((message.partition(), sequence, text))

    assert reports == 1  # the parent's, at its end; the workers end without one
    for producer_id, count in sent.items():
        numbered = count + 1 if count == max(sent.values()) else count
        assert sorted(sequences[producer_id]) == list(range(numbered))
    del told["parent", "raw.logs"]
    assert len(told) == 2 * MEMBERS
    for events in told.values():
        assert len({partition for partition, _, _ in events}) == 1
        assert [text for _, _, text in events] == [str(number) for number in range(crowd.EACH // 2)]
        numbers = [sequence for _, sequence, _ in events]
        assert numbers == sorted(numbers)
