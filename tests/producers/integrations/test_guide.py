"""Every example of the guide runs."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

GUIDE = next(each for each in Path(__file__).parents if (each / "pyproject.toml").is_file()) / "docs/integrations.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def _loggers() -> Iterator[None]:
    """Let go of what examples hang into loggers."""
    yield
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if name.startswith("shop") and isinstance(logger, logging.Logger):
            logger.handlers.clear()
    sys.modules.pop("shop_chatbot", None)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 6


@pytest.mark.usefixtures("_loggers")
@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_runs(number: int) -> None:
    exec(compile(EXAMPLES[number], f"{GUIDE.name}, example {number + 1}", "exec"), {"__name__": "example"})
