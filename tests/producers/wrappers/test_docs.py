"""The wrappers' page, run as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fakes.server import ModelServer
from recordings import Log
from turnlog.producers import Client

PAGE = (Path(__file__).parents[3] / "docs" / "wrappers.md").read_text("utf-8")


def test_every_example_does_what_is_said(models: ModelServer, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", models.url + "/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", models.url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setattr(Client, "from_env", lambda: log.client)
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    seen = 0
    expected = (2, 2, 2, 2, 1)
    for block, calls in zip(blocks, expected, strict=True):
        exec(compile(block, "docs/wrappers.md", "exec"), names)
        found = log.calls()[seen:]
        seen += len(found)
        assert [each["status"] for each in found] == ["ok"] * calls
    plain, instructed, streamed = log.calls()[:3]
    assert (plain["conversation_id"], plain["user_key"], plain["provider_name"]) == ("c-1", "jane", "127.0.0.1")
    assert (instructed["prompt_name"], instructed["prompt_version"]) == ("faq", "3")
    assert (streamed["usage_input_tokens"], streamed["output_chunks"]) == (20, 3)
    for name in ("sdk", "claude"):
        names[name].close()  # type: ignore[attr-defined] # the clients that the page made
