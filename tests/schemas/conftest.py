"""Fixtures of the schema tests."""

from __future__ import annotations

import pytest

from turnlog.schemas import SchemaStore


@pytest.fixture(scope="session")
def store() -> SchemaStore:
    return SchemaStore()
