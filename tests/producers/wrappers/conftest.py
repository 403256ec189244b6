"""A server that speaks the providers' protocols, and a client that records."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openai import OpenAI

from fakes.server import ModelServer, model_server
from recordings import Log
from turnlog.producers.integrations.openai import wrap
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


@pytest.fixture
def bare(models: ModelServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=models.url + "/v1", api_key="k", max_retries=0) as sdk:
        yield sdk


@pytest.fixture
def sdk(bare: OpenAI, log: Log) -> OpenAI:
    return wrap(bare, log.client, provider="openai")
