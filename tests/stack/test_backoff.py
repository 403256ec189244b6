import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnlog.stack.supervisor import Backoff


def test_the_first_restart_is_quick_and_the_next_ones_slower() -> None:
    assert [Backoff().delay(failures) for failures in range(6)] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0]


@given(st.integers(0, 10**6))
def test_delays_grow_up_to_the_longest(failures: int) -> None:
    backoff = Backoff(first=0.1, factor=3, longest=20)
    assert 0.1 <= backoff.delay(failures) <= backoff.delay(failures + 1) <= 20


@pytest.mark.parametrize("wrong", [{"first": 0.0}, {"first": 9.0}, {"factor": 0.5}, {"healthy_after": -1.0}])
def test_delays_that_would_not_grow_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="not a backoff"):
        Backoff(**wrong)
