"""What must be equal when a pipeline has come to rest, whatever was killed on the way."""

from __future__ import annotations

import json
from itertools import accumulate
from typing import Any

from services import RunningStack
from turnlog.schemas import UserError
from turnlog.sinks.query import ClickHouse

_QUANTILE = """
SELECT quantileExact({level})(duration_us) AS exact FROM calls ARRAY JOIN range(sample_weight) AS copy
WHERE service_name = '{service}'
"""
_HISTOGRAM = """
SELECT sumMap(latency) AS latency FROM panes WHERE service_name = '{service}'
"""


def rows(stack: RunningStack, query: str) -> list[dict[str, Any]]:
    """Ask the stack's ClickHouse; that it is away is an AssertionError, so that one can wait for it."""
    try:
        with ClickHouse(stack.clickhouse).stream(query, fmt="JSONEachRow") as answer:
            return [json.loads(line) for line in answer.lines()]
    except UserError as error:
        raise AssertionError(str(error)) from error


def one(stack: RunningStack, query: str) -> dict[str, Any]:
    """Ask for one row, numbers as numbers."""
    (row,) = rows(stack, query)
    return {
        key: int(value) if isinstance(value, str) and value.lstrip("-").isdigit() else value
        for key, value in row.items()
    }


def assert_stored_once(stack: RunningStack, events: int, conversations: int, service: str = "replay") -> None:
    """Every call is there, and once: as many rows as ids as calls."""
    found = one(
        stack,
        f"SELECT count() AS n, uniqExact(event_id) AS ids, uniqExact(conversation_id) AS chats "
        f"FROM calls WHERE service_name = '{service}'",
    )
    assert found == {"n": events, "ids": events, "chats": conversations}


def assert_panes_equal_calls(stack: RunningStack, service: str = "replay") -> None:
    """Panes summed over time are what the calls themselves add up to, by their weights."""
    from_panes = one(
        stack,
        "SELECT sum(calls) AS calls, sum(errors) AS errors, sum(latency_sum_us) AS time, "
        "sum(first_chunk_count) AS chunks, "
        "sumMap(tokens)['input'] AS input, sumMap(tokens)['output'] AS output, toString(sum(cost)) AS cost "
        f"FROM panes WHERE service_name = '{service}'",
    )
    from_calls = one(
        stack,
        "SELECT sum(sample_weight) AS calls, sumIf(sample_weight, status != 'ok') AS errors, "
        "sum(duration_us * sample_weight) AS time, sumIf(sample_weight, time_to_first_chunk_us IS NOT NULL) AS chunks, "
        "sum(ifNull(usage_input_tokens, 0) * sample_weight) AS input, "
        "sum(ifNull(usage_output_tokens, 0) * sample_weight) AS output, "
        "toString(sum(ifNull(cost, 0) * sample_weight)) AS cost "
        f"FROM calls WHERE service_name = '{service}'",
    )
    assert from_panes == from_calls
    by_model = "SELECT model, sum(calls) AS n FROM panes WHERE service_name = '{0}' GROUP BY model ORDER BY model"
    from_rows = (
        "SELECT if(response_model = '', request_model, response_model) AS model, sum(sample_weight) AS n FROM calls "
        "WHERE service_name = '{0}' GROUP BY model ORDER BY model"
    )
    assert rows(stack, by_model.format(service)) == rows(stack, from_rows.format(service))


def assert_quantiles_within_one_percent(stack: RunningStack, service: str = "replay") -> None:
    """Quantiles from merged histograms are those of the durations themselves, within 1 %."""
    (row,) = rows(stack, _HISTOGRAM.format(service=service))
    histogram = sorted((int(bucket), int(count)) for bucket, count in row["latency"].items())
    total, gamma = sum(count for _, count in histogram), 1.01 / 0.99
    for level in (0.5, 0.95, 0.99):
        exact = one(stack, _QUANTILE.format(level=level, service=service))["exact"]
        index, seen = min(int(level * total), total - 1), accumulate(count for _, count in histogram)
        bucket = next(bucket for (bucket, _), below in zip(histogram, seen, strict=True) if below > index)
        estimate = 2 * gamma**bucket / (gamma + 1)
        assert abs(estimate - exact) <= 0.0101 * max(exact, 1), (level, estimate, exact)
