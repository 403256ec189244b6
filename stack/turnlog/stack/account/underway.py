"""What had been sent at a moment and is not stored yet: how far the consumers are from where the topics ended then."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from turnlog.schemas import PROCESSORS, SINKS, clean_topics, raw_topics
from turnlog.stack.lag import Lag

_DEAD = "dlq"

STAGES: Sequence[tuple[str, frozenset[str]]] = (
    (PROCESSORS, frozenset(topic.name for topic in raw_topics())),
    (SINKS, frozenset(topic.name for topic in clean_topics())),
    (SINKS, frozenset({_DEAD})),
)
"""Stages and their topics in the order in which an event passes: the ends of later ones are known only when the earlier
ones are done."""

Place = tuple[str, int]


@dataclass
class UnderWay:
    """Follows what had been sent at a moment through the stages.

    Args:
        read: Returns every group's lag; blocks on Kafka.
        prefix: What stands before every topic's name.

    Attributes:
        left: Messages of the stage that it is in that are not finished with.
    """

    read: Callable[[], Iterable[Lag]]
    prefix: str
    left: int = 0
    _stage: int = 0
    _targets: Mapping[Place, int] = field(default_factory=dict)

    def look(self) -> bool:
        """Look how far the pipeline is; returns whether all that had been sent at the first look is through.

        Raises:
            TransientError: If Kafka does not answer.
        """
        while self._stage < len(STAGES):
            stage, names = STAGES[self._stage]
            here = {
                (lag.topic, lag.partition): lag
                for lag in self.read()
                if lag.group == self.prefix + stage and lag.topic.removeprefix(self.prefix) in names
            }
            if not self._targets:
                self._targets = {place: lag.end for place, lag in here.items()}
            self.left = sum(
                max(0, target - (here[place].end - here[place].behind))
                for place, target in self._targets.items()
                if place in here
            )
            if self.left:
                return False
            self._stage += 1
            self._targets = {}
        return True
