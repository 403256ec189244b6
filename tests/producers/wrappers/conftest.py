"""A server that speaks the providers' protocols, and a client that records."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fakes.server import ModelServer, model_server
from recordings import Log
from turnlog.producers.testing import recording_client


@pytest.fixture(scope="session")
def models() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


@pytest.fixture
def log() -> Iterator[Log]:
    client, recorded = recording_client("bot")
    yield Log(client, recorded)
    client.close()
