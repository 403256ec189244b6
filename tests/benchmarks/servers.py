"""Real servers to measure with, on free ports, stopped afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services import RunningStack, StackFactory, clickhouse_endpoint, kafka_broker


@contextmanager
def kafka() -> Iterator[str]:
    """Run a broker; gives its bootstrap servers."""
    with tempfile.TemporaryDirectory(prefix="turnlog-bench-") as folder, kafka_broker(Path(folder)) as servers:
        yield servers


@contextmanager
def clickhouse() -> Iterator[str]:
    """Run the engine behind its endpoint; gives its URL."""
    with tempfile.TemporaryDirectory(prefix="turnlog-bench-") as folder, clickhouse_endpoint(Path(folder)) as url:
        yield url


@contextmanager
def stack() -> Iterator[RunningStack]:
    """Run a whole stack."""
    with tempfile.TemporaryDirectory(prefix="turnlog-bench-") as folder:
        factory = StackFactory(Path(folder))
        try:
            yield factory()
        finally:
            factory.stop_all()
