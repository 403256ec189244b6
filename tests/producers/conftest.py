"""Fixtures of the client's tests."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from turnlog.producers import Ids
from turnlog.producers.testing import recording_client
from workbench import Bench, Hands


@pytest.fixture
def bench() -> Iterator[Bench]:
    hands = Hands()
    ids = Ids(lambda: hands.now_us * 1000, random.Random(7))
    client, recorded = recording_client("support-bot", tenant="acme", clock=hands.clock(), ids=ids)
    yield Bench(client, recorded, hands)
    hands.move(3600)  # nothing left over may hold up the end
    client.close(60)
