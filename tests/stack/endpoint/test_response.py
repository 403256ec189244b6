"""Responses: headers, and exceptions in mid-stream."""

import asyncio
import json
from pathlib import Path
from typing import Any

from turnlog.stack.endpoint.errors import ServerError
from turnlog.stack.endpoint.job import write_all
from turnlog.stack.endpoint.pipe import ResultPipe
from turnlog.stack.endpoint.response import Reply, exception_block
from turnlog.stack.endpoint.summary import Summary


def _deliver(
    pieces: list[bytes], error: ServerError | None, buffer: int, tmp_path: Path
) -> tuple[int, dict[bytes, bytes], bytes]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def scenario() -> None:
        pipe = ResultPipe()

        def work() -> None:
            try:
                for piece in pieces:
                    write_all(pipe.sink, piece)
                if error is not None:
                    raise error
            finally:
                pipe.close_sink()

        ended = asyncio.ensure_future(asyncio.to_thread(work))
        reply = Reply(send, {"X-ClickHouse-Format": "CSV"}, "", buffer, None if buffer else 0.0, False, "1", tmp_path)
        await reply.deliver(pipe, ended, Summary(read_rows=7))
        pipe.close()

    asyncio.run(scenario())
    body = b"".join(message["body"] for message in sent[1:])
    return sent[0]["status"], dict(sent[0]["headers"]), body


def test_a_short_result_has_a_length_and_a_summary(tmp_path: Path) -> None:
    status, headers, body = _deliver([b"1\n", b"2\n"], None, 1000, tmp_path)
    assert (status, body, headers[b"content-length"]) == (200, b"1\n2\n", b"4")
    assert json.loads(headers[b"x-clickhouse-summary"])["read_rows"] == "7"


def test_an_error_before_the_headers_is_the_response(tmp_path: Path) -> None:
    status, headers, body = _deliver([b"1\n"], ServerError(60, "gone", "UNKNOWN_TABLE"), 1000, tmp_path)
    assert (status, headers[b"x-clickhouse-exception-code"]) == (404, b"60")
    assert body == b"Code: 60. DB::Exception: gone (UNKNOWN_TABLE) (version 1 (chDB))\n"


def test_an_error_after_the_headers_ends_the_body(tmp_path: Path) -> None:
    status, headers, body = _deliver([b"1\n" * 2_000_000], ServerError(395, "thrown", "X"), 0, tmp_path)
    tag = headers[b"x-clickhouse-exception-tag"]
    assert status == 200
    assert body.startswith(b"1\n1\n")
    assert body.endswith(b" " + tag + b"\r\n__exception__\r\n")
    assert b"\r\n__exception__\r\n" + tag + b"\r\nCode: 395. DB::Exception: thrown (X)" in body


def test_the_block_says_its_length() -> None:
    assert exception_block("é", "t") == b"\r\n__exception__\r\nt\r\n\xc3\xa9\n3 t\r\n__exception__\r\n"
