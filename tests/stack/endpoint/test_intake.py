"""Bodies that hold a query, or a query and data."""

from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnlog.stack.endpoint.intake import Intake


def _take(query: bytes, pieces: list[bytes], folder: Path) -> tuple[bytes, bytes | None]:
    intake = Intake(query, folder)
    for piece in pieces:
        intake.feed(piece)
    intake.finish()
    data = intake.data.read() if intake.data is not None else None
    intake.close()
    return intake.text, data


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary(max_size=300), cuts=st.lists(st.integers(0, 340), max_size=6))
def test_data_is_the_same_however_it_is_cut(data: bytes, cuts: list[int], tmp_path: Path) -> None:
    # A newline at the start would belong to the query.
    body = b"INSERT INTO t (a) FORMAT Native\n" + data
    edges = [0, *sorted(cuts), len(body)]
    pieces = [body[begin:end] for begin, end in pairwise(edges)]
    assert _take(b"", pieces, tmp_path) == (b"INSERT INTO t (a) FORMAT Native\n", data)


def test_query_in_the_url_and_data_in_the_body(tmp_path: Path) -> None:
    assert _take(b"INSERT INTO t FORMAT CSV", [b"1\n", b"2\n"], tmp_path)[1] == b"1\n2\n"
    assert _take(b"INSERT INTO t", [b"VALUES (1)"], tmp_path)[1] == b" (1)"


def test_a_query_without_data(tmp_path: Path) -> None:
    assert _take(b"", [b"SELECT ", b"1"], tmp_path) == (b"SELECT 1", None)
    assert _take(b"SELECT", [b"1"], tmp_path) == (b"SELECT\n1", None)


def test_nothing_is_left_on_disk(tmp_path: Path) -> None:
    _take(b"INSERT INTO t FORMAT CSV", [b"1\n"], tmp_path)
    assert list(tmp_path.iterdir()) == []
