import pytest

from turnlog.schemas import UserError
from turnlog.stack.commands.reprocess import milliseconds

NOW = 1_764_000_000.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90m", (NOW - 5400) * 1000),
        ("1d", (NOW - 86_400) * 1000),
        ("2025-11-24T16:00", 1_764_000_000_000),
        ("2025-11-24T17:00+01:00", 1_764_000_000_000),
        ("2025-11-24", 1_763_942_400_000),
    ],
)
def test_times_are_moments_or_ages(text: str, expected: float) -> None:
    assert milliseconds(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "-1d", "1y"])
def test_what_is_no_time_is_the_users_to_mend(text: str) -> None:
    with pytest.raises(UserError, match="is no time"):
        milliseconds(text, NOW)
