"""Errors in ClickHouse's words."""

import pytest

from turnlog.stack.endpoint.errors import Code, ServerError


def test_reads_an_engines_message() -> None:
    error = ServerError.from_engine(
        "Streaming query failed: Code: 60. DB::Exception: Unknown table 'x'. Maybe (y)? (UNKNOWN_TABLE) "
        "(version 26.9.2.1)"
    )
    assert (error.code, error.name, error.text) == (60, "UNKNOWN_TABLE", "Unknown table 'x'. Maybe (y)?")
    assert error.status == 404
    assert error.message("1.2") == (
        "Code: 60. DB::Exception: Unknown table 'x'. Maybe (y)? (UNKNOWN_TABLE) (version 1.2 (chDB))"
    )


def test_keeps_a_message_that_is_not_an_engines() -> None:
    error = ServerError.from_engine("something else")
    assert (error.code, error.text, error.status) == (Code.STD_EXCEPTION, "something else", 500)


@pytest.mark.parametrize(
    ("code", "status"), [(62, 400), (516, 403), (194, 401), (81, 404), (159, 408), (48, 501), (202, 500), (395, 500)]
)
def test_maps_codes_to_statuses(code: int, status: int) -> None:
    assert ServerError(code, "no").status == status
