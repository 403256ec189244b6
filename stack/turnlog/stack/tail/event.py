"""A clean event as it was read, which events are wanted, and which were seen before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from turnlog.schemas import Datum, SettingError, Source

TYPES: Mapping[str, tuple[str, str | None]] = {
    "call": ("calls", None),
    "step": ("steps", None),
    "log": ("logs", None),
    "info": ("logs", "info"),
    "error": ("logs", "error"),
    "debug": ("debug", None),
    "security": ("security", None),
    "score": ("scores", None),
    "deployment": ("deployments", None),
    "model": ("models", None),
    "dataset": ("datasets", None),
}
"""What users call the types: the clean topic of each, and the one log type where the topic has several."""

_OF_TOPIC = {topic: name for name, (topic, log_type) in TYPES.items() if log_type is None}


def types() -> str:
    """Return the names of all types, for messages."""
    return ", ".join(TYPES)


class Event(NamedTuple):
    """A clean event.

    Attributes:
        topic: Its clean topic, without the prefix.
        partition: Its partition there.
        offset: Its offset there.
        timestamp_ms: When the broker took it there, in milliseconds since 1970 UTC.
        source: Coordinates of the raw message that it came from, if it says so.
        record: The record.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    source: Source | None
    record: Datum

    @property
    def type(self) -> str:
        """Its type, as users call it."""
        return _OF_TOPIC.get(self.topic, self.topic)


@dataclass(frozen=True)
class Selection:
    """Which events are wanted.

    Attributes:
        types: Names of types; empty for all.
        conversation: Only this conversation; None for all.

    Raises:
        SettingError: If there is no such type.
    """

    types: tuple[str, ...] = ()
    conversation: str | None = None

    def __post_init__(self) -> None:
        """Refuse unknown types."""
        for name in self.types:
            if name not in TYPES:
                raise SettingError(f"--type {name!r}: there are {types()}")

    @property
    def topics(self) -> tuple[str, ...]:
        """Clean topics to read, without the prefix."""
        return tuple(dict.fromkeys(TYPES[name][0] for name in self.types or _OF_TOPIC.values()))

    @property
    def narrow(self) -> bool:
        """Whether events of the topics may be unwanted."""
        return self.conversation is not None or any(TYPES[name][1] for name in self.types)

    def wants(self, event: Event) -> bool:
        """Tell whether an event of these topics is wanted."""
        if self.conversation is not None and event.record.get("conversation_id") != self.conversation:
            return False
        return not self.types or any(
            topic == event.topic and log_type in {None, event.record.get("log_type")}
            for topic, log_type in (TYPES[name] for name in self.types)
        )


class Marks:
    """High-water marks per raw partition: what a processor wrote again after a failure is seen once."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, int], int] = {}

    def is_new(self, source: Source | None) -> bool:
        """Tell whether this was not seen before, and remember it. What has no source always is new."""
        if source is None:
            return True
        place = (source.topic, source.partition)
        if source.offset <= self._last.get(place, -1):
            return False
        self._last[place] = source.offset
        return True
