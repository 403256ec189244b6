"""Fixtures for pytest: say ``pytest_plugins = ["turnlog.producers.pytest_plugin"]`` in conftest.py.

Not loaded by itself, so that a test run of something else in the same environment does not pay for it. Needs pytest,
which turnlog does not bring.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from turnlog.producers.client import Client
from turnlog.producers.testing import Recorder


@pytest.fixture
def turnlog_recorder() -> Iterator[Recorder]:
    """What a chatbot logs in this test; the test fails if a call or step was never ended, or an event was dropped."""
    with Recorder() as recorder:
        yield recorder


@pytest.fixture
def turnlog_client(turnlog_recorder: Recorder) -> Client:
    """The client to hand to the chatbot; what it logs is in ``turnlog_recorder``."""
    return turnlog_recorder.client
