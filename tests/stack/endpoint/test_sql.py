"""Where clauses and data begin."""

import pytest

from turnlog.stack.endpoint.errors import Code, ServerError
from turnlog.stack.endpoint.sql import find_insert, is_insert, read_statement, tokens


def _data(text: bytes) -> bytes | None:
    insert = find_insert(text, complete=True)
    return None if insert is None else text[insert.data_at :]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (b"INSERT INTO t FORMAT CSV\n1\n2\n", b"1\n2\n"),
        (b"insert into t (a, `b)`) format TSV 1\t2", b"1\t2"),
        (b"INSERT INTO `d`.`t` (`a`) FORMAT Native\n\x01\x00;--", b"\x01\x00;--"),
        (b"INSERT INTO format.values FORMAT RowBinary\r\n\n", b"\n"),
        (b"INSERT INTO FUNCTION null('a Int8') FORMAT CSV\n1", b"1"),
        (b"INSERT INTO t VALUES (1, 'FORMAT'), (2, ';')", b" (1, 'FORMAT'), (2, ';')"),
        (b"/* c */ INSERT INTO t -- FORMAT no\n (a) SETTINGS async_insert=0 FORMAT Avro\nObj\x01", b"Obj\x01"),
        (b"INSERT INTO t SELECT x FROM input('x UInt8') FORMAT CSV\n7", b"7"),
        (b"WITH 1 AS y INSERT INTO t FORMAT TSV\nv;\n", b"v;\n"),
        (b"INSERT INTO t SELECT 1", None),
        (b"INSERT INTO t SELECT 'FORMAT CSV', format FROM s", None),
    ],
)
def test_finds_the_data_of_an_insert(text: bytes, data: bytes | None) -> None:
    assert is_insert(text)
    assert _data(text) == data


def test_names_the_places_around_settings() -> None:
    text = b"INSERT INTO t (a) SETTINGS x=1 FORMAT CSV\n1"
    insert = find_insert(text, complete=True)
    assert insert is not None
    assert text[: insert.source_at] == b"INSERT INTO t (a) "
    assert insert.clauses == b"SETTINGS x=1 "
    assert insert.format == "CSV"


@pytest.mark.parametrize("end", range(len(b"INSERT INTO t FORMAT CSV\n")))
def test_does_not_trust_a_clause_at_the_end_of_what_has_arrived(end: int) -> None:
    assert find_insert(b"INSERT INTO t FORMAT CSV\n"[:end], complete=False) is None


def test_a_column_called_insert_makes_no_insert() -> None:
    assert not is_insert(b"WITH 13 AS insert SELECT insert")
    assert not is_insert(b"SELECT 1")


def test_refuses_a_file_on_the_server() -> None:
    with pytest.raises(ServerError) as refused:
        find_insert(b"INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV", complete=True)
    assert refused.value.code == Code.UNKNOWN_TYPE_OF_QUERY
    with pytest.raises(ServerError) as refused:
        read_statement(b"SELECT 1 INTO OUTFILE '/tmp/x'")
    assert refused.value.code == Code.NOT_IMPLEMENTED


@pytest.mark.parametrize(
    ("text", "kind", "chosen"),
    [
        (b"SELECT 1", "SELECT", None),
        (b"WITH 1 AS x SELECT x FORMAT JSON;", "SELECT", "JSON"),
        (b"(SELECT 1) UNION ALL (SELECT 2) format CSV -- end", "SELECT", "CSV"),
        (b"SELECT 1 FORMAT Parquet SETTINGS max_threads = 1", "SELECT", "Parquet"),
        (b"SELECT 'FORMAT JSON'", "SELECT", None),
        (b"SELECT format FROM t ORDER BY format DESC", "SELECT", None),
        (b"SELECT 1 AS a, format AS b", "SELECT", None),
        (b"SELECT * FORMAT Native", "SELECT", "Native"),
        (b"SELECT {SELECT:Int32} FORMAT TSV ; \xc2\xa0", "SELECT", "TSV"),
        (b"show tables", "SHOW", None),
        (b"WITH 1 AS x INSERT INTO t SELECT x", "INSERT", None),
        (b"CREATE TABLE t (format String) ENGINE = Memory", "CREATE", None),
    ],
)
def test_reads_statements(text: bytes, kind: str, chosen: str | None) -> None:
    statement = read_statement(text)
    assert (statement.kind, statement.format) == (kind, chosen)
    assert b";" not in statement.text


@pytest.mark.parametrize("text", [b"SELECT 1; SELECT 2", b"", b" -- nothing", b"/* nor here */"])
def test_wants_one_statement(text: bytes) -> None:
    with pytest.raises(ServerError) as refused:
        read_statement(text)
    assert refused.value.code == Code.SYNTAX_ERROR


def test_semicolons_in_strings_end_nothing() -> None:
    text = b"SELECT ';', \"a;\", `;`, $$ ; $$, $t$ ;$ $t$, 'it''s;', 'a\\';'"
    assert read_statement(text).text == text
    assert [token.depth for token in tokens(b"a(b[c])")] == [0, 0, 1, 1, 2, 1, 0]
