"""The account as a value."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, computed_field


class Gap(NamedTuple):
    """A run of sequence numbers that are nowhere, both ends included."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def in_words(gaps: Iterable[Gap]) -> str:
    """Write runs of numbers: ``17-20, 42``."""
    return ", ".join(map(str, gaps))


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Entry(_Value):
    """One producer instance's account.

    Attributes:
        producer_id: One life of one client object.
        tenant_id: Whose data it sent.
        service_name: For which service.
        sent: How many sequence numbers it used, by its own report or by the highest number that arrived.
        stored: How many of them are in tables.
        dead: How many are dead letters and in no table.
        dropped: How many it says that it dropped, by reason.
        closed: Whether it has said its last word. Of one that has not, the numbers after the highest that arrived are
            unknown.
        first_time: When the first of its events that arrived did.
        last_time: When the last did.
        gaps: Numbers that are nowhere, at most a hundred runs; dropped ones are among them. Empty if it is balanced.
    """

    producer_id: str
    tenant_id: str
    service_name: str
    sent: int
    stored: int
    dead: int
    dropped: Mapping[str, int]
    closed: bool
    first_time: datetime
    last_time: datetime
    gaps: tuple[Gap, ...] = ()

    @computed_field  # type: ignore[prop-decorator] # pydantic's own idiom
    @property
    def missing(self) -> int:
        """How many numbers nothing accounts for."""
        return max(0, self.sent - self.stored - self.dead - sum(self.dropped.values()))

    @computed_field  # type: ignore[prop-decorator] # same
    @property
    def balanced(self) -> bool:
        """Whether sent = stored + dead-lettered + dropped.

        More can be accounted for than was sent: a client counts as dropped what it gave up waiting for, and the broker
        may have taken it nonetheless.
        """
        return self.missing == 0


class Doubles(_Value):
    """Rows of a table that hold an event which another row holds.

    Attributes:
        table: The table.
        rows: Rows in it.
        twice: How many rows there are more than events.
    """

    table: str
    rows: int
    twice: int


class Account(_Value):
    """The account of a pipeline at one moment.

    Attributes:
        entries: One for each producer instance.
        doubles: One for each table that was searched for doubles.
        unsearched: Tables too large to be.
        under_way: Messages that had been sent when the account was asked for, and that processors and sinks had not
            finished with.
        under_way_error: Why that is not known.
    """

    entries: tuple[Entry, ...]
    doubles: tuple[Doubles, ...] = ()
    unsearched: tuple[str, ...] = ()
    under_way: int = 0
    under_way_error: str | None = None

    @computed_field  # type: ignore[prop-decorator] # pydantic's own idiom
    @property
    def balanced(self) -> bool:
        """Whether every producer's account balances, nothing is under way and nothing is there twice."""
        return (
            all(entry.balanced for entry in self.entries)
            and not any(one.twice for one in self.doubles)
            and not self.under_way
            and self.under_way_error is None
        )
