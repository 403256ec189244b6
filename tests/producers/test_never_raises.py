"""Whatever is passed in, nothing raises, and what is stored decodes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnlog.producers.fields import (
    CallFields,
    CommonFields,
    DatasetFields,
    DeploymentFields,
    LogFields,
    ModelFields,
    ScoreFields,
    SecurityFields,
    StepFields,
)
from turnlog.producers.testing import recording_client


class Hostile:
    """Fails at everything that it can be asked."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError

    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__

    def __iter__(self) -> Iterator[Any]:
        raise RuntimeError

    def __float__(self) -> float:
        raise RuntimeError

    def __bool__(self) -> bool:
        raise RuntimeError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment] # it can't be hashed either


def cyclic() -> list[Any]:
    knot: list[Any] = []
    knot.append({"again": knot})
    return knot


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(alphabet=st.characters(), max_size=20),
    st.binary(max_size=20),
    st.builds(Hostile),
    st.builds(object),
    st.builds(cyclic),
    st.just(ValueError("x")),
    st.decimals(),
    st.just(Decimal("sNaN")),
    st.datetimes(),
    st.just(datetime.max.replace(tzinfo=UTC)),
    st.timedeltas(),
    st.just(timedelta.max),
)
KEYS = st.text(max_size=5) | st.integers() | st.sampled_from(["role", "content", "parts", "tool_calls", "type", "unit"])
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=8
)


def some_of(fields: type) -> st.SearchStrategy[dict[str, Any]]:
    names = [*fields.__annotations__, *CommonFields.__annotations__, "unheard_of"]
    return st.dictionaries(st.sampled_from(names), ANYTHING, max_size=6)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=40)
@given(
    said=st.fixed_dictionaries(
        {
            "call": some_of(CallFields),
            "end": some_of(CallFields),
            "step": some_of(StepFields),
            "log": some_of(LogFields),
            "security": some_of(SecurityFields),
            "score": some_of(ScoreFields),
            "deployment": some_of(DeploymentFields),
            "model": some_of(ModelFields),
            "dataset": some_of(DatasetFields),
        }
    ),
    odd=ANYTHING,
)
def test_nothing_raises_and_all_is_counted(said: Any, odd: Any) -> None:
    client, recorded = recording_client()
    with client.conversation(odd, user_key=odd, attributes=odd, traceparent=odd), client.turn(odd, request_id=odd):
        with client.call(provider=odd, model=odd, input=odd, **said["call"]) as call:
            call.chunk(odd)
            list(call.stream([odd]))
            call.set(a=odd)
            call.finish(odd, **said["end"])
        client.start_call(provider=odd, model=odd).fail(odd, **said["end"])
        with client.step(odd, odd, **said["step"]) as step:
            step.finish(odd)
        client.log(odd, odd, **said["log"])
        client.error(odd, **said["log"])
        client.security(odd, odd, **said["security"])
        client.score(odd, odd, target=odd, **said["score"])
        client.score("s", target=call, **said["score"])
    client.deployment(odd, odd, **said["deployment"])
    client.model_version(odd, provider=odd, name=odd, **said["model"])
    client.dataset(odd, **said["dataset"])
    client.traceparent()
    result = client.close(60)
    assert result.sent + result.dropped == 11
    assert set(result.reasons) <= {"invalid"}
    assert len(recorded.events()) == result.sent
