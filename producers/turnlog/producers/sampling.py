"""Which events are kept: one conversation in N, and always what a rule names. The rest is left out, and counted.

An event that a rule keeps stands for itself; any other stands for N, because N - 1 like it were left out. Sums of these
weights estimate all events without bias (Horvitz and Thompson, JASA 47, 1952). Conversations are chosen by a hash, so
that every process of a chatbot, and every kind of event, chooses the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from turnlog.producers.coerce import UnfitError, to_float, to_int, to_span, to_text
from turnlog.producers.fields import Span
from turnlog.producers.kinds import CALL, DEBUG, SCORE, STEP, Fields, Kind, Priority
from turnlog.schemas import SettingError

MOST = 1_000_000
"""Largest N, and the largest weight that statistics take."""

_POINTS = 1 << 64
_ERROR_SEVERITY = 17
_ALWAYS = frozenset({"error", "security"})

Rule = Callable[[str, Mapping[str, Any]], bool]
"""Is given a record's name and an event's fields; whether the event must be kept. Runs in the background thread."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How many conversations are kept, and what is kept of all of them.

    Security events, releases, model versions, datasets and the client's own reports are never left out. Events outside
    of a conversation are chosen by their trace, and without one each by itself.

    Attributes:
        keep_one_in: Keep one conversation in that many; 1 keeps all.
        debug_one_in: The same for debug lines, which may be fewer; by default as the others.
        errors: Always keep what did not end well: calls and steps whose status is not ok, lines of type error or with
            an exception.
        slow: Always keep calls and steps that take at least that long: a timedelta, or seconds.
        low_score: Always keep scores below that value, or below each score's own by its name.
        always: Called with a record's name and the event's fields; what it says yes to is always kept, and what it
            fails on too.
    """

    keep_one_in: int = 1
    debug_one_in: int | None = None
    errors: bool = True
    slow: Span | None = None
    low_score: float | Mapping[str, float] | None = None
    always: Rule | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what can't be right.

        Raises:
            SettingError: If a number is none, or out of range.
        """
        for name in ("keep_one_in", "debug_one_in"):
            value = getattr(self, name)
            if value is None and name == "debug_one_in":
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST:
                raise SettingError(f"sampling {name} must be a whole number from 1 to {MOST}, not {value!r}")
        if not isinstance(self.errors, bool):
            raise SettingError(f"sampling errors must be true or false, not {self.errors!r}")
        if self.slow is not None and not (_is_number(self.slow) or isinstance(self.slow, timedelta)):
            raise SettingError(f"sampling slow must be a timedelta or a number of seconds, not {self.slow!r}")
        scores = self.low_score.values() if isinstance(self.low_score, Mapping) else (self.low_score,)
        if self.low_score is not None and not all(map(_is_number, scores)):
            raise SettingError(f"sampling low_score must be a number, or numbers by score, not {self.low_score!r}")
        if self.always is not None and not callable(self.always):
            raise SettingError("sampling always must be something to call")

    @property
    def active(self) -> bool:
        """Whether anything may be left out."""
        return self.keep_one_in > 1 or (self.debug_one_in or 1) > 1

    def weight(self, kind: Kind, fields: Mapping[str, Any], point: int) -> int:
        """Return how many events one stands for, 0 if it is left out.

        Args:
            kind: What it is.
            fields: Its fields, by the schemas' names.
            point: Where its conversation lies in the range of 64 bits.
        """
        if kind.priority is Priority.HIGH or self._ruled(kind, fields):
            return 1
        one_in = self.keep_one_in if kind is not DEBUG or self.debug_one_in is None else self.debug_one_in
        # The kept ones are the lowest: what one in ten keeps is among what one in five does.
        return one_in if point * one_in < _POINTS else 0

    def _ruled(self, kind: Kind, fields: Mapping[str, Any]) -> bool:
        try:
            return (
                (self.errors and _failed(kind, fields))
                or (self.slow is not None and kind in (CALL, STEP) and fields["duration_us"] >= to_span(self.slow))
                or (kind is SCORE and self._low(fields))
                or (self.always is not None and bool(self.always(kind.record, fields)))
            )
        except Exception:  # noqa: BLE001 - a caller's rule or values may do anything; in doubt an event is kept
            return True

    def _low(self, fields: Mapping[str, Any]) -> bool:
        if not fields.get("conversation_id") and not fields.get("trace_id"):
            # It can't be known whether the call that it judges is kept; a score without a call costs little.
            return True
        below = self.low_score
        if isinstance(below, Mapping):
            below = below.get(to_text(fields.get("name")))
        value = fields.get("value")
        if below is None or value is None:
            return False
        try:
            return to_float(value) < below
        except UnfitError:
            return False


class LeftOutError(Exception):
    """An event that is not kept; no error, but no message either."""


class Sampler:
    """Applies a sampling to a producer's events; for one thread.

    Args:
        sampling: What is kept.
        tenant: Whose data an event is that does not say so itself.
    """

    def __init__(self, sampling: Sampling, tenant: str) -> None:
        self._sampling = sampling
        self._tenant = tenant
        self._point = lru_cache(maxsize=4096)(point_of)

    def weigh(self, kind: Kind, fields: Fields) -> None:
        """Set the weight of an event that is kept.

        Raises:
            LeftOutError: If it is not kept.
        """
        identity = fields.get("conversation_id") or fields.get("trace_id") or fields["event_id"]
        tenant = fields.get("tenant_id") or self._tenant
        if type(identity) is not str or type(tenant) is not str:
            identity, tenant = _text(identity), _text(tenant)
        weight = self._sampling.weight(kind, fields, self._point(tenant, identity))
        if not weight:
            raise LeftOutError
        if weight > 1:
            fields["sample_weight"] = weight * _weight_given(fields)


def point_of(tenant: str, identity: str) -> int:
    """Return where a conversation lies in the range of 64 bits: the same in every process, and for ever.

    Args:
        tenant: Whose it is.
        identity: The conversation's id, or the trace's where there is no conversation.
    """
    key = f"{tenant}\0{identity}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(key, digest_size=8, person=b"turnlog.sample").digest(), "big")


def check_weight(fields: Fields) -> None:
    """See to it that statistics take a weight: an event may come with one, from whoever sampled before."""
    fields["sample_weight"] = min(MOST, _weight_given(fields))


def _weight_given(fields: Mapping[str, Any]) -> int:
    try:
        return max(1, to_int(fields.get("sample_weight", 1)))
    except (UnfitError, OverflowError):
        return 1


def _failed(kind: Kind, fields: Mapping[str, Any]) -> bool:
    if kind is CALL or kind is STEP:
        return fields.get("status") != "ok"
    if kind is SCORE:
        return False
    log_type = fields.get("log_type")
    return (
        (isinstance(log_type, str) and log_type.lower() in _ALWAYS)
        or fields.get("exception_type") is not None
        or to_int(fields.get("severity_number", 0)) >= _ERROR_SEVERITY
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # noqa: PLR0124 - not NaN


def _text(value: Any) -> str:
    try:
        return to_text(value)
    except UnfitError:
        return ""
