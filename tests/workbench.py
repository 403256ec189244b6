"""A client on a workbench: it records, its clock moves by hand, its ids repeat."""

from __future__ import annotations

from dataclasses import dataclass

from turnlog.producers import Client, Clock, Result
from turnlog.producers.testing import RecordingTransport
from turnlog.schemas import Datum

START_US = 1_700_000_000_000_000


@dataclass
class Hands:
    """A clock's hands; both move only when a test moves them."""

    now_us: int = START_US
    elapsed_ns: int = 0

    def move(self, seconds: float) -> None:
        self.now_us += round(seconds * 1e6)
        self.elapsed_ns += round(seconds * 1e9)

    def clock(self) -> Clock:
        return Clock(lambda: self.now_us, lambda: self.elapsed_ns)


@dataclass
class Bench:
    """A client on a workbench."""

    client: Client
    recorded: RecordingTransport
    hands: Hands

    def events(self, record: str | None = None) -> list[Datum]:
        self.client.flush()
        return self.recorded.events(record)

    def only(self, record: str) -> Datum:
        (event,) = self.events(record)
        return event


def close_in(client: Client, seconds: float) -> Result:
    """Close a client that can't deliver, and wait until it is through: a busy machine takes longer than it may wait."""
    client.close(seconds)
    thread = client._pipe._thread
    if thread is not None:
        thread.join(60)
        assert not thread.is_alive()
    return client.result()
