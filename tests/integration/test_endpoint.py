"""The ClickHouse endpoint as its clients see it."""

import gzip
import io
import json
import signal
import socket
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import clickhouse_connect
import fastavro
import pytest
import urllib3
from clickhouse_connect.driver.exceptions import DatabaseError

from integration.endpoint_process import EndpointProcess, running_endpoint
from support import eventually
from turnlog.stack.endpoint.blocks import BlockDecoder, BlockEncoder

pytestmark = pytest.mark.services

_ENDLESS = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"
_RUNNING = (
    "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64(number)%' AND query NOT LIKE '%processes%'"
)


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EndpointProcess]:
    with running_endpoint(tmp_path_factory.mktemp("endpoint"), "--max-queries", "4") as process:
        yield process


@pytest.fixture
def table(endpoint: EndpointProcess) -> Iterator[str]:
    endpoint.text("CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
    yield "t"
    endpoint.text("DROP TABLE t")


def test_says_that_it_is_there(endpoint: EndpointProcess) -> None:
    assert endpoint.ask(method="GET", path="/ping").data == b"Ok.\n"
    assert endpoint.ask(method="GET", path="/replicas_status").data == b"Ok.\n"
    assert endpoint.ask(method="GET").data == b"Ok.\n"
    assert endpoint.ask(method="HEAD", path="/ping").status == 200
    assert endpoint.ask(method="GET", path="/nothing").status == 404


def test_joins_the_urls_query_and_the_body(endpoint: EndpointProcess) -> None:
    assert endpoint.text("1 + 1", query="SELECT") == "2\n"
    answer = endpoint.ask("SELECT 1 AS x", default_format="JSONEachRow", query_id="mine")
    assert answer.data == b'{"x":1}\n'
    assert answer.headers["X-ClickHouse-Query-Id"] == "mine"
    assert answer.headers["X-ClickHouse-Format"] == "JSONEachRow"
    assert answer.headers["X-ClickHouse-Timezone"]
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["result_rows"] == "1"


def test_errors_have_clickhouses_codes_and_statuses(endpoint: EndpointProcess) -> None:
    for sql, status, code in [
        ("SELEC 1", 400, "62"),
        ("SELECT * FROM nothing", 404, "60"),
        ("SELECT 1; SELECT 2", 400, "62"),
        ("SELECT throwIf(1)", 500, "395"),
        ("", 400, "62"),
    ]:
        answer = endpoint.ask(sql)
        assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (status, code)
        assert answer.data.startswith(f"Code: {code}. DB::Exception: ".encode())
    assert endpoint.ask("SELECT 1", nonsense="1").headers["X-ClickHouse-Exception-Code"] == "115"
    assert endpoint.ask("SELECT 1", database="nowhere").headers["X-ClickHouse-Exception-Code"] == "81"
    assert endpoint.text("SELECT 1") == "1\n"


def test_an_error_in_mid_stream_is_in_the_body(endpoint: EndpointProcess) -> None:
    answer = endpoint.ask("SELECT throwIf(number = 3000000) FROM numbers(4000000) FORMAT CSV")
    assert answer.status == 200
    tag = answer.headers["X-ClickHouse-Exception-Tag"]
    assert answer.data.endswith(f" {tag}\r\n__exception__\r\n".encode())
    held = endpoint.ask("SELECT throwIf(number = 3000000) FROM numbers(4000000) FORMAT CSV", wait_end_of_query="1")
    assert (held.status, held.headers["X-ClickHouse-Exception-Code"]) == (500, "395")


def test_get_changes_nothing(endpoint: EndpointProcess, table: str) -> None:
    answer = endpoint.ask(method="GET", query=f"INSERT INTO {table} VALUES (1, 'x')")
    assert answer.headers["X-ClickHouse-Exception-Code"] == "164"
    assert endpoint.ask(method="GET", query=f"SELECT count() FROM {table}").data == b"0\n"


def test_parameters_in_url_and_form(endpoint: EndpointProcess) -> None:
    assert endpoint.text("SELECT {a:Array(String)}, {b:UInt8}", param_a="['x','y']", param_b="3") == "['x','y']\t3\n"
    fields: dict[str, str | bytes | tuple[str, str | bytes] | tuple[str, str | bytes, str]] = {
        "query": "SELECT {a:String}, sum(n), any(s) FROM ext",
        "param_a": "ü",
        "ext": ("ext.csv", "1,x\n2,x\n"),
        "ext_structure": "n UInt8, s String",
        "ext_format": "CSV",
    }
    answer = urllib3.request("POST", endpoint.url, fields=fields)
    assert answer.data.decode() == "ü\t3\tx\n"
    assert endpoint.ask("SELECT * FROM ext").status == 404


def test_inserts_with_data_in_one_body_or_two_places(endpoint: EndpointProcess, table: str) -> None:
    answer = endpoint.ask(f"INSERT INTO {table} FORMAT CSV\n1,a\n2,b\n")
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "2"
    assert answer.data == b""
    endpoint.ask('{"a":3,"b":";"}', query=f"INSERT INTO {table} FORMAT JSONEachRow")
    endpoint.ask(f"INSERT INTO {table} (b, a) VALUES ('d', 4)")
    endpoint.ask("5\n", query=f"INSERT INTO {table} SELECT x, toString(x) FROM input('x UInt8') FORMAT TSV")
    assert endpoint.text(f"SELECT groupArray((a, b)) FROM (SELECT * FROM {table} ORDER BY a)") == (
        "[(1,'a'),(2,'b'),(3,';'),(4,'d'),(5,'5')]\n"
    )
    assert endpoint.ask(f"INSERT INTO {table} FORMAT CSV\nx,a\n").status == 400
    assert endpoint.ask(f"INSERT INTO {table} FORMAT CSV\n").status == 200


def test_a_large_body_of_chunks(endpoint: EndpointProcess, table: str) -> None:
    def body() -> Iterator[bytes]:
        yield f"INSERT INTO {table} (a) FORMAT ".encode()
        yield b"TSV\n"
        for number in range(200):
            yield b"".join(b"%d\n" % (number * 10_000 + each) for each in range(10_000))

    assert endpoint.ask(body()).status == 200
    assert endpoint.text(f"SELECT count(), max(a) FROM {table}") == "2000000\t1999999\n"


def test_duplicate_tokens_insert_once(endpoint: EndpointProcess) -> None:
    endpoint.text(
        "CREATE TABLE once (a UInt64) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100"
    )
    data = io.BytesIO()
    schema = fastavro.parse_schema({"type": "record", "name": "r", "fields": [{"name": "a", "type": "long"}]})
    fastavro.writer(data, schema, [{"a": each} for each in range(1000)])
    for _ in range(3):
        answer = endpoint.ask(
            data.getvalue(), query="INSERT INTO once FORMAT Avro", insert_deduplication_token="t:0:0-999"
        )
        assert answer.status == 200
    assert endpoint.text("SELECT count() FROM once") == "1000\n"
    endpoint.text("DROP TABLE once")


def test_compression_both_ways(endpoint: EndpointProcess) -> None:
    answer = urllib3.request(
        "POST",
        endpoint.url + "/?enable_http_compression=1",
        body=gzip.compress(b"SELECT 'packed'"),
        headers={"Content-Encoding": "gzip", "Accept-Encoding": "deflate"},
        preload_content=False,
    )
    assert answer.headers["Content-Encoding"] == "deflate"
    assert zlib.decompress(answer.read(decode_content=False)) == b"packed\n"
    blocks = endpoint.ask(BlockEncoder().feed(b"SELECT 'packed'"), compress="1", decompress="1")
    assert BlockDecoder().feed(blocks.data) == b"packed\n"
    refused = endpoint.ask(b"garbage", headers={"Content-Encoding": "gzip"})
    assert refused.headers["X-ClickHouse-Exception-Code"] == "271"


def test_sessions_keep_what_they_should(endpoint: EndpointProcess) -> None:
    endpoint.text("CREATE DATABASE IF NOT EXISTS other")
    assert endpoint.ask("SELECT 1", session_id="s", session_check="1").headers["X-ClickHouse-Exception-Code"] == "372"
    endpoint.text("CREATE TEMPORARY TABLE mine (x UInt8)", session_id="s")
    endpoint.text("INSERT INTO mine VALUES (7)", session_id="s", max_threads="1")
    endpoint.text("SET max_block_size = 123", session_id="s")
    endpoint.text("USE other", session_id="s")
    setting = "SELECT getSetting('max_block_size'), currentDatabase()"
    assert endpoint.text("SELECT x FROM mine", session_id="s", session_check="1") == "7\n"
    assert endpoint.text(setting, session_id="s", max_block_size="5", database="system") == "5\tsystem\n"
    assert endpoint.text(setting, session_id="s") == "123\tother\n"
    assert endpoint.ask("SELECT x FROM mine").status == 404
    endpoint.text("SELECT 1", session_id="s", close_session="1")
    assert endpoint.ask("SELECT 1", session_id="s", session_check="1").headers["X-ClickHouse-Exception-Code"] == "372"


def test_a_quick_query_does_not_wait_for_a_slow_one(endpoint: EndpointProcess) -> None:
    with _asking(endpoint, _ENDLESS, query_id="slow") as slow:
        eventually(lambda: endpoint.text(_RUNNING) == "1\n")
        locked = endpoint.ask("SELECT 1", query_id="slow")
        assert locked.headers["X-ClickHouse-Exception-Code"] == "216"
        endpoint.text("KILL QUERY WHERE query_id = 'slow' SYNC")
        assert b"QUERY_WAS_CANCELLED" in slow.recv(65536)


def test_a_client_that_leaves_frees_its_query(endpoint: EndpointProcess) -> None:
    for sql in (_ENDLESS, "SELECT sipHash64(number) FROM numbers(1000000000000) FORMAT TSV"):
        with _asking(endpoint, sql):
            eventually(lambda: endpoint.text(_RUNNING) == "1\n")
        eventually(lambda: endpoint.text(_RUNNING) == "0\n")


def test_more_queries_than_allowed_are_refused(endpoint: EndpointProcess) -> None:
    clients = [_asking(endpoint, _ENDLESS) for _ in range(4)]
    try:
        answer = eventually(lambda: refused if (refused := endpoint.ask("SELECT 1")).status == 500 else None)
        assert answer is not None
        assert answer.headers["X-ClickHouse-Exception-Code"] == "202"
    finally:
        for client in clients:
            client.close()
    eventually(lambda: endpoint.ask("SELECT 1").status == 200)


@pytest.mark.parametrize(
    "output", ["Native", "RowBinaryWithNamesAndTypes", "JSON", "Parquet", "ArrowStream", "CSVWithNames"]
)
def test_formats_are_whole_however_long(endpoint: EndpointProcess, output: str, table: str) -> None:
    data = endpoint.ask(f"SELECT number AS a, toString(number) AS b FROM numbers(300000) FORMAT {output}").data
    assert endpoint.ask(data, query=f"INSERT INTO {table} FORMAT {output}").status == 200
    assert endpoint.text(f"SELECT count(), sum(a), uniqExact(b) FROM {table}") == "300000\t44999850000\t300000\n"


def test_clickhouse_connect(endpoint: EndpointProcess) -> None:
    client = clickhouse_connect.get_client(port=endpoint.port)
    client.command("CREATE TABLE cc (a UInt32, z DateTime('Asia/Tokyo'), s Nullable(String)) ENGINE = Memory")
    client.insert("cc", [[1, 0, "x"], [2, 1, None]], column_names=["a", "z", "s"])
    result = client.query("SELECT * FROM cc WHERE a >= {n:UInt8} ORDER BY a", parameters={"n": 1})
    assert [row[2] for row in result.result_rows] == ["x", None]
    assert str(result.result_rows[0][1].tzinfo) == "Asia/Tokyo"
    assert client.query_df("SELECT number FROM numbers(10)")["number"].sum() == 45
    assert client.query_arrow("SELECT number FROM numbers(100000)").num_rows == 100_000
    with client.query_rows_stream("SELECT number FROM numbers(500000)") as stream:
        assert sum(1 for _ in stream) == 500_000
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE"):
        client.query("SELECT * FROM nothing")
    client.command("DROP TABLE cc")
    client.close()


def test_a_password_is_asked_for(tmp_path: Path) -> None:
    with running_endpoint(tmp_path, "--password-env", "SECRET", environment={"SECRET": "s3"}) as endpoint:
        refused = endpoint.ask("SELECT 1")
        assert (refused.status, refused.headers["X-ClickHouse-Exception-Code"]) == (403, "516")
        assert endpoint.ask("SELECT 1", headers={"X-ClickHouse-Key": "s3"}).data == b"1\n"
        assert endpoint.ask("SELECT 1", user="default", password="s3").data == b"1\n"
        assert endpoint.ask("SELECT 1", user="other", password="s3").status == 403


def test_what_hinders_a_start_is_one_line(endpoint: EndpointProcess, tmp_path: Path) -> None:
    for options in (
        ["--path", str(tmp_path), "--port", str(endpoint.port)],
        ["--path", str(_data_of(endpoint)), "--port", "0"],
        ["--path", str(tmp_path), "--port", "0", "--password-env", "NOT_SET"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "turnlog.stack.endpoint", *options], capture_output=True, check=False, text=True
        )
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1, done.stderr


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    with running_endpoint(tmp_path) as endpoint:
        endpoint.text("CREATE TABLE k (a UInt64) ENGINE = MergeTree ORDER BY a")
        acknowledged: list[int] = []

        def insert() -> None:
            for number in range(10_000):
                try:
                    endpoint.ask("\n".join(str(number) for _ in range(100)), query="INSERT INTO k FORMAT TSV")
                except urllib3.exceptions.HTTPError:
                    return
                acknowledged.append(number)

        writer = threading.Thread(target=insert)
        writer.start()
        eventually(lambda: len(acknowledged) >= 20)
        endpoint.process.send_signal(signal.SIGKILL)
        endpoint.process.wait()
        writer.join()
    with running_endpoint(tmp_path) as endpoint:
        rows = endpoint.text(f"SELECT a, count() FROM k WHERE a <= {acknowledged[-1]} GROUP BY a ORDER BY a")
        assert rows == "".join(f"{number}\t100\n" for number in acknowledged)


def test_stops_cleanly_on_a_signal(tmp_path: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        with running_endpoint(tmp_path) as endpoint:
            endpoint.text("SELECT 1", session_id="open")
            endpoint.process.send_signal(number)
            assert endpoint.process.wait(30) == 0


def _data_of(endpoint: EndpointProcess) -> Path:
    arguments = endpoint.process.args
    assert isinstance(arguments, list)
    return Path(str(arguments[arguments.index("--path") + 1]))


def _asking(endpoint: EndpointProcess, sql: str, query_id: str = "") -> socket.socket:
    """A connection on which a query has been sent and nothing read yet."""
    client = socket.create_connection(("127.0.0.1", endpoint.port))
    head = f"POST /?query_id={query_id} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(sql)}\r\n\r\n"
    client.sendall((head + sql).encode())
    return client
