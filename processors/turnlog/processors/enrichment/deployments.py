"""Which release of a chatbot was in force at a moment."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from turnlog.schemas import Datum


@dataclass(frozen=True, slots=True)
class Arm:
    """A share of a chatbot's traffic.

    Attributes:
        deployment_id: The deployment behind it.
        model_version_id: The model version that answers there, where the deployment names one.
        variant: Its name in an experiment or ramp.
    """

    deployment_id: str
    model_version_id: str | None
    variant: str | None


@dataclass(frozen=True, slots=True)
class _Event:
    order: tuple[int, int, str]
    action: str
    arm: Arm
    percent: float


class History:
    """All releases of one chatbot in one environment, and what they left in force.

    An event that takes all of the traffic replaces what was there; one that takes a part stands beside it. Retiring a
    deployment, or giving it no traffic, takes its arm away. A rollback brings back the deployment that served its model
    version before, where there was one: the calls after it are not the failed deployment's.
    """

    def __init__(self) -> None:
        self._events: dict[str, _Event] = {}
        self._times: list[int] | None = None
        self._arms: list[tuple[Arm, ...]] = []

    def put(self, datum: Datum) -> bool:
        """Take a DeploymentEvent; returns whether it was new. Planned and failed acts change nothing."""
        if datum["event_id"] in self._events or datum["state"] in {"planned", "failed"}:
            return False
        percent = datum["traffic_percent"]
        self._events[datum["event_id"]] = _Event(
            (datum["event_time"], datum["sequence"], datum["event_id"]),
            datum["action"],
            Arm(datum["deployment_id"], datum["model_version_id"], datum["variant"]),
            100.0 if percent is None else percent,
        )
        self._times = None
        return True

    def at(self, time_us: int) -> tuple[Arm, ...]:
        """Return the arms in force at a moment, microseconds since 1970."""
        if self._times is None:
            self._fold()
        assert self._times is not None  # just built
        index = bisect_right(self._times, time_us)
        return self._arms[index - 1] if index else ()

    def _fold(self) -> None:
        self._times, self._arms = [], []
        arms: dict[str, Arm] = {}
        served: dict[str | None, Arm] = {}
        for event in sorted(self._events.values(), key=lambda each: each.order):
            arm = event.arm
            if event.action == "rollback":
                arm = served.get(arm.model_version_id, arm)
            if event.action == "retire" or event.percent <= 0:
                arms = {name: each for name, each in arms.items() if each.deployment_id != arm.deployment_id}
            elif event.percent >= 100:
                arms = {arm.deployment_id: arm}
            else:
                arms = {**arms, arm.deployment_id: arm}
            if event.action not in {"retire", "rollback"}:
                served[arm.model_version_id] = arm
            self._times.append(event.order[0])
            self._arms.append(tuple(arms.values()))


def choose(arms: tuple[Arm, ...], model_version_id: str | None, variant: str | None) -> Arm | None:
    """Return the arm that a call belongs to, or None where that can't be told.

    Args:
        arms: What was in force.
        model_version_id: The call's model version, where it is known.
        variant: The variant that the producer named.
    """
    if variant is not None:
        arms = tuple(arm for arm in arms if arm.variant == variant)
    if model_version_id is not None:
        exact = tuple(arm for arm in arms if arm.model_version_id == model_version_id)
        arms = exact or tuple(arm for arm in arms if arm.model_version_id is None)
    return arms[0] if len(arms) == 1 else None
