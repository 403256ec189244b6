"""What a client has recorded, as tests of integrations ask for it."""

from __future__ import annotations

import json
from typing import Any

from turnlog.producers import Client
from turnlog.producers.testing import RecordingTransport
from turnlog.schemas import Datum


class Log:
    """What a client has recorded."""

    def __init__(self, client: Client, recorded: RecordingTransport) -> None:
        self.client = client
        self._recorded = recorded

    def calls(self) -> list[Datum]:
        self.client.flush()
        return self._recorded.events("ModelCall")

    def call(self) -> Datum:
        (only,) = self.calls()
        return only

    def said(self) -> list[dict[str, Any]]:
        """The parts of the only call's first answer."""
        messages: list[dict[str, Any]] = json.loads(str(self.call()["output_messages"]))
        parts: list[dict[str, Any]] = messages[0]["parts"]
        return parts
