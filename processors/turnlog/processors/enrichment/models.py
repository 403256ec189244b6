"""Model versions as the catalogue knows them, and which one a call was answered by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from turnlog.schemas import Datum, units_from_bytes

_RANK = {"active": 0, "registered": 1, "UNKNOWN": 2, "deprecated": 3, "retired": 4}


class Price(NamedTuple):
    """What some units cost.

    Attributes:
        unit: input_token, output_token, cache_read_input_token, cache_creation_input_token, or one of the usage map's.
        amount: Price of ``per`` units, in billionths.
        per: How many units that buys.
        currency: ISO 4217 code.
        valid_from: First moment it holds, microseconds since 1970; None: always did.
        valid_to: First moment it no longer holds; None: still does.
    """

    unit: str
    amount: int
    per: int
    currency: str
    valid_from: int | None
    valid_to: int | None

    def holds(self, time_us: int) -> bool:
        """Tell whether the price was in force then."""
        return (self.valid_from is None or self.valid_from <= time_us) and (
            self.valid_to is None or time_us < self.valid_to
        )


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model version.

    Attributes:
        id: Its id.
        tenant: Whose it is.
        order: Revision, time and id: of two entries with one id the later one is in force.
        provider: Who serves it, folded; empty for any.
        names: What it is called, folded.
        prefixes: Beginnings of names that mean it, folded.
        state: Where it is in its life.
        prices: Its prices.
    """

    id: str
    tenant: str
    order: tuple[int, int, str]
    provider: str
    names: frozenset[str]
    prefixes: tuple[str, ...]
    state: str
    prices: Sequence[Price]

    @classmethod
    def of(cls, datum: Datum) -> ModelEntry:
        """Read a ModelVersion record."""
        names = {datum["model_version_id"], datum["name"], *datum["aliases"]}
        if datum["version"]:
            names |= {f"{datum['name']}{mark}{datum['version']}" for mark in ("-", ":", "@", "/")}
        patterns = [each for each in datum["match_names"] if each]
        names |= {each for each in patterns if not each.endswith("*")}
        return cls(
            datum["model_version_id"],
            datum["tenant_id"],
            (datum["revision"], datum["event_time"], datum["event_id"]),
            _folded(datum["provider_name"]),
            frozenset(_folded(each) for each in names if each),
            tuple(_folded(each[:-1]) for each in patterns if each.endswith("*")),
            datum["state"],
            tuple(_prices(datum["prices"])),
        )


class TenantModels:
    """A tenant's model versions, found by name."""

    def __init__(self) -> None:
        self.by_id: dict[str, ModelEntry] = {}
        self._by_name: dict[str, list[ModelEntry]] | None = None
        self._by_prefix: list[tuple[str, ModelEntry]] = []

    def put(self, entry: ModelEntry) -> bool:
        """Take an entry unless a later revision of it is known; returns whether it was new."""
        known = self.by_id.get(entry.id)
        if known is not None and known.order >= entry.order:
            return False
        self.by_id[entry.id] = entry
        self._by_name = None
        return True

    def find(self, name: str, provider: str) -> ModelEntry | None:
        """Return the version that a model name means, at that provider; the most alive one where several fit."""
        if self._by_name is None:
            self._index()
        assert self._by_name is not None  # just built
        wanted, folded = _folded(name), _folded(provider)
        fitting = [each for each in self._by_name.get(wanted, ()) if _agree(each.provider, folded)]
        if not fitting:
            matching = [
                (prefix, each)
                for prefix, each in self._by_prefix
                if wanted.startswith(prefix) and _agree(each.provider, folded)
            ]
            longest = max((len(prefix) for prefix, _ in matching), default=0)
            fitting = [each for prefix, each in matching if len(prefix) == longest]
        return min(fitting, key=_preference) if fitting else None

    def _index(self) -> None:
        self._by_name = {}
        self._by_prefix = []
        for entry in self.by_id.values():
            for name in entry.names:
                self._by_name.setdefault(name, []).append(entry)
            self._by_prefix += [(prefix, entry) for prefix in entry.prefixes]


def _preference(entry: ModelEntry) -> tuple[bool, int, int, str]:
    return not entry.provider, _RANK.get(entry.state, 2), -entry.order[1], entry.id


def _agree(registered: str, called: str) -> bool:
    return not registered or not called or registered == called


def _folded(name: str) -> str:
    return name.strip().casefold()


def _prices(rows: Sequence[dict[str, Any]]) -> Iterator[Price]:
    for row in rows:
        if row["per"] > 0:
            yield Price(
                row["unit"],
                units_from_bytes(row["amount"]),
                row["per"],
                row["currency"],
                row["valid_from"],
                row["valid_to"],
            )
