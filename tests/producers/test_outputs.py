"""Outputs that need no Kafka: lines on standard output, or nothing."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest

from turnlog.producers import REPORT_NAME, Client, Result, SettingError
from turnlog.producers.delivery.outputs import Printing
from turnlog.schemas import money_to_bytes

PATIENCE = 30.0


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_every_event_is_a_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    client = Client("bot", tenant="acme", output="stdout")
    with client.conversation("c-1"):
        client.info("Grüße\naus Köln")
        client.start_call(provider="openai", model="gpt-4o", input="Where?").finish("Here.", cost=Decimal("0.25"))
    assert client.close(PATIENCE) == Result(sent=2)
    info, call, report = lines(capsys.readouterr().out)
    assert (info["record"], info["body"], info["conversation_id"]) == ("LogRecord", "Grüße\naus Köln", "c-1")
    assert (call["record"], call["request_model"], call["tenant_id"]) == ("ModelCall", "gpt-4o", "acme")
    assert Decimal(call["cost"]) == Decimal("0.25")
    assert json.loads(call["input_messages"])[0]["parts"][0]["content"] == "Where?"
    assert not [name for name, value in call.items() if value in (None, "", [], {})]
    assert report["event_name"] == REPORT_NAME


def test_catalogue_entries_with_their_prices_are_written_too() -> None:
    stream = io.StringIO()
    client = Client("bot", connect=lambda trouble: Printing(stream))
    client.model_version("mv", provider="p", name="n", prices={"input_token": "2.50"})
    client.close(PATIENCE)
    (price,) = lines(stream.getvalue())[0]["prices"]
    assert Decimal(price["amount"]) == Decimal("2.50")
    assert money_to_bytes(Decimal(price["amount"]))


def test_a_stream_that_takes_little_gets_escapes() -> None:
    raw = io.BytesIO()
    client = Client("bot", connect=lambda trouble: Printing(io.TextIOWrapper(raw, "ascii", write_through=True)))
    client.info("Köln")
    client.close(PATIENCE)
    assert lines(raw.getvalue().decode())[0]["body"] == "Köln"


def test_what_cannot_be_written_is_counted() -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    client = Client("bot", connect=lambda trouble: Printing(Closed()))
    client.info("x")
    assert client.close(PATIENCE) == Result(failed=1, reasons={"undelivered": 1})


def test_off_takes_everything_and_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    client = Client("bot", output="off")
    for _ in range(3):
        client.info("x")
    assert client.close(PATIENCE) == Result(sent=3)
    assert capsys.readouterr() == ("", "")


def test_there_is_no_other_output() -> None:
    with pytest.raises(SettingError, match="output must be one of kafka, stdout, off, not 'file'"):
        Client("bot", output="file")  # type: ignore[arg-type] # on purpose


def test_the_environment_chooses_and_kafkas_library_is_not_loaded() -> None:
    code = """
import sys
from turnlog.producers import Client
client = Client.from_env({"TURNLOG_SERVICE": "bot", "TURNLOG_OUTPUT": "stdout"})
client.info("hello")
client.close()
assert "confluent_kafka" not in sys.modules
"""
    out = subprocess.check_output([sys.executable, "-W", "error", "-c", code], text=True)
    assert lines(out)[0]["body"] == "hello"
