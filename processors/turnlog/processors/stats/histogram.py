"""Exponential histograms of durations: any quantile within 1 %, and merging loses nothing.

A histogram is a plain ``dict`` from bucket to count. Bucket 0 holds durations up to 1 µs; bucket b > 0 holds those in
(g^(b-1), g^b] microseconds, with g = (1 + a) / (1 - a) and a = 0.01. A bucket stands for its midpoint
2g^b / (g + 1), which is off by at most a from anything in it (Masson, Rim, Lee: DDSketch, VLDB 2019, section 2.2).
Counts add up bucket by bucket, so histograms of partitions, panes and models merge exactly, here and in SQL.

In Avro and ClickHouse the buckets are the map's keys, as decimal digits in Avro. The same quantile in ClickHouse is
:data:`QUANTILE_SQL` over ``sumMap`` of the column, and :data:`BUCKET_SQL` puts a duration into its bucket.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil, floor, log

ALPHA = 0.01
"""Largest relative error of a quantile."""
GAMMA = (1 + ALPHA) / (1 - ALPHA)
"""Ratio of a bucket's bounds."""
_LOG_GAMMA = log(GAMMA)

Histogram = dict[int, int]
"""Bucket → count."""

BUCKET_SQL = "if({us} <= 1, 0, toInt16(ceil(log({us}) / log(1.01 / 0.99))))"
"""The bucket of a duration, for ``str.format(us=<expression>)``."""

QUANTILE_SQL = """\
if(empty({map}), NULL,
   2 * pow(1.01 / 0.99,
           tupleElement(arrayFirst(
               (pair, below) -> below > least(toInt64(floor({level} * arraySum(mapValues({map})))),
                                              toInt64(arraySum(mapValues({map}))) - 1),
               arraySort(pair -> pair.1, arrayZip(mapKeys({map}), mapValues({map}))),
               arrayCumSum(pair -> pair.2, arraySort(pair -> pair.1, arrayZip(mapKeys({map}), mapValues({map}))))), 1))
     / (1.01 / 0.99 + 1))"""
"""A quantile of a merged histogram in microseconds, for ``str.format(map=<sumMap(column)>, level=<0 to 1>)``.

The map's keys must be integers there, such as ``Map(Int16, UInt64)``.
"""


def bucket_of(duration_us: int) -> int:
    """Return the bucket of a duration in microseconds; what is at most 1, negatives included, goes to bucket 0."""
    return 0 if duration_us <= 1 else ceil(log(duration_us) / _LOG_GAMMA)


def midpoint(bucket: int) -> float:
    """Return the duration in microseconds that a bucket stands for."""
    return float(2 * GAMMA**bucket / (GAMMA + 1))


def merge(into: Histogram, other: Mapping[int, int]) -> None:
    """Add another histogram's counts to the first."""
    for bucket, count in other.items():
        into[bucket] = into.get(bucket, 0) + count


def quantiles(histogram: Mapping[int, int], levels: Iterable[float]) -> list[float | None]:
    """Return quantiles in microseconds, each within 1 % of the exact one; None where there are no values.

    The exact one at level q of n values is the value at index min(floor(q * n), n - 1) of their sorted list, which is
    also what ClickHouse's ``quantileExact`` takes.

    Args:
        histogram: Bucket → count, counts above 0.
        levels: Each from 0 to 1, in ascending order.
    """
    total = sum(histogram.values())
    found: list[float | None] = []
    buckets = iter(sorted(histogram.items()))
    bucket, below = 0, 0
    for level in levels:
        if not total:
            found.append(None)
            continue
        index = min(floor(level * total), total - 1)
        while below <= index:
            bucket, count = next(buckets)
            below += count
        found.append(midpoint(bucket))
    return found


def from_avro(counts: Mapping[str, int]) -> Histogram:
    """Read an Avro map, whose keys are digits.

    Raises:
        ValueError: If a key is not an integer.
    """
    return {int(bucket): count for bucket, count in counts.items()}


def to_avro(histogram: Mapping[int, int]) -> dict[str, int]:
    """Return an Avro map, buckets ascending so that equal histograms have equal bytes."""
    return {str(bucket): count for bucket, count in sorted(histogram.items())}
