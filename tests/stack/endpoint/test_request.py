"""What URL and headers ask for."""

import pytest

from turnlog.stack.endpoint.errors import Code, ServerError
from turnlog.stack.endpoint.request import QueryRequest, is_external_option, parse_request


def _request(query_string: bytes = b"", **headers: str) -> QueryRequest:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return parse_request("POST", query_string, pairs)


def test_tells_parameters_settings_and_bindings_apart() -> None:
    request = _request(b"query=SELECT+%7Ba%3AInt8%7D&param_a=1&max_threads=2&database=d&query_id=q&wait_end_of_query=1")
    assert request.query == b"SELECT {a:Int8}"
    assert request.bindings == {"a": "1"}
    assert request.settings == {"max_threads": "2"}
    assert (request.database, request.query_id) == ("d", "q")
    assert request.flag("wait_end_of_query")


def test_headers_stand_in_for_parameters() -> None:
    request = _request(
        X_ClickHouse_Database="d", X_ClickHouse_Format="JSON", X_ClickHouse_User="u", X_ClickHouse_Key="k"
    )
    assert (request.database, request.default_format) == ("d", "JSON")
    assert (request.credentials().user, request.credentials().password) == ("u", "k")
    assert "k" not in repr(request.credentials()).replace("Credentials", "")


def test_reads_basic_authentication() -> None:
    given = _request(Authorization="Basic dTpwOnE=").credentials()
    assert (given.user, given.password) == ("u", "p:q")


def test_refuses_two_ways_of_authentication() -> None:
    with pytest.raises(ServerError) as refused:
        _request(b"user=a", X_ClickHouse_User="b").credentials()
    assert refused.value.code == Code.AUTHENTICATION_FAILED


def test_default_user_and_format() -> None:
    assert _request().credentials().user == "default"
    assert _request().default_format == "TabSeparated"


def test_reads_sessions() -> None:
    assert _request().session() is None
    session = _request(b"session_id=s&session_check=1").session()
    assert session is not None
    assert (session.id, session.seconds, session.must_exist, session.close) == ("s", 60, True, False)


@pytest.mark.parametrize("seconds", [b"x", b"-1", b"3601"])
def test_refuses_odd_session_timeouts(seconds: bytes) -> None:
    with pytest.raises(ServerError) as refused:
        _request(b"session_id=s&session_timeout=" + seconds).session()
    assert refused.value.code == Code.INVALID_SESSION_TIMEOUT


def test_form_fields_add_to_the_url() -> None:
    request = _request(b"query=SELECT+&max_threads=1").with_fields([("query", b"1"), ("param_x", b"y")])
    assert (request.query, request.bindings, request.settings) == (b"SELECT 1", {"x": "y"}, {"max_threads": "1"})


def test_knows_what_describes_external_tables() -> None:
    assert is_external_option("t_structure", ["t"])
    assert not is_external_option("t_structure", ["u"])


def test_bytes_that_are_not_utf8_survive() -> None:
    assert _request(b"query=SELECT+'%FF'").query == b"SELECT '\xff'"


def test_reading_only_by_method_or_setting() -> None:
    assert not _request(b"readonly=0").read_only
    assert _request(b"readonly=2").read_only
    assert parse_request("GET", b"", []).read_only
