"""A local server that speaks the protocols of OpenAI's and Anthropic's APIs, and fails when it is told to.

A model's name may tell of a fault: ``…-429``, ``-400``, ``-500`` and ``-529`` answer with that status, ``-429-once``
only at the first attempt; ``-break`` cuts the stream off after a piece of the answer, ``-error`` sends an error in it;
``-hang`` does not answer, or go on after that piece, until the server stops; ``-slow`` waits :data:`SLOW` seconds
before the answer's first piece.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from fakes import anthropic_api, openai_api

SLOW = 0.05

Body = dict[str, Any]


class Api(NamedTuple):
    """An endpoint: what it answers, plain and as events, and whether events have names."""

    answer: Callable[[Body], Body]
    events: Callable[[Body], Iterator[Body]] | None
    named: bool


_APIS = {
    "/v1/chat/completions": Api(openai_api.chat, openai_api.chat_chunks, named=False),
    "/v1/completions": Api(openai_api.completion, openai_api.completion_chunks, named=False),
    "/v1/embeddings": Api(openai_api.embeddings, None, named=False),
    "/v1/responses": Api(openai_api.response, openai_api.response_events, named=True),
    "/v1/messages": Api(anthropic_api.message, anthropic_api.message_events, named=True),
    "/v1/messages/count_tokens": Api(lambda _: {"input_tokens": 10}, None, named=False),
}
_STATUS = {
    400: ("invalid_request_error", "bad_request"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
    500: ("api_error", "server_error"),
    529: ("overloaded_error", "overloaded"),
}


class Asked(NamedTuple):
    """A request that came."""

    path: str
    headers: dict[str, str]
    body: Body


class ModelServer:
    """A running server.

    Attributes:
        url: Where it is; OpenAI's SDK wants ``/v1`` after it.
        asked: What came, in order.
        stopping: Set when it stops, which ends all that hangs.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Asked] = []
        self.stopping = threading.Event()


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """Run a server on a loopback port."""

    class Handler(_Handler):
        pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server = Handler.server_state = ModelServer(f"http://127.0.0.1:{http.server_port}")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        http.shutdown()
        http.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: ModelServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        path = self.path.partition("?")[0]
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server_state.asked.append(Asked(self.path, headers, body))
        if "/deployments/" in path:  # Azure's way of naming the model
            path = "/v1/" + path.partition("/deployments/")[2].partition("/")[2]
        api = _APIS[path]
        model = str(body.get("model"))
        if (status := self._fault(model, headers)) is not None:
            kind, code = _STATUS[status]
            error = {"type": kind, "code": code, "message": f"no: {kind}", "param": None}
            wrapped = {"type": "error", "error": error, "request_id": "req_1"}
            self._json(status, wrapped, {"retry-after-ms": "1"} if status == 429 else {})
        elif body.get("stream") and api.events is not None:
            self._stream(api, body, model)
        elif model.endswith("-hang"):
            self.server_state.stopping.wait()
            self.close_connection = True
        else:
            self._json(200, api.answer(body), {})

    def _fault(self, model: str, headers: dict[str, str]) -> int | None:
        once = model.endswith("-once")
        if once and headers.get("x-stainless-retry-count", "0") != "0":
            return None
        ending = model.removesuffix("-once").rpartition("-")[2]
        return int(ending) if ending.isdigit() and int(ending) in _STATUS else None

    def _json(self, status: int, answer: Body, headers: dict[str, str]) -> None:
        raw = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(raw)), **headers}.items():
            self.send_header(name, value)
        self.send_header("x-request-id", "req_1")
        self.send_header("request-id", "req_1")
        self.end_headers()
        self.wfile.write(raw)

    def _stream(self, api: Api, body: Body, model: str) -> None:
        assert api.events is not None
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        pieces = 0
        for event in api.events(body):
            if _is_piece(event):
                pieces += 1
                if pieces == 1 and model.endswith("-slow"):
                    self.server_state.stopping.wait(SLOW)
                if pieces == 2 and not self._go_on(api, model):
                    return
            self._event(event, event.get("type") if api.named else None)
        if not api.named:
            self._chunk(b"data: [DONE]\n\n")
        self._end()

    def _go_on(self, api: Api, model: str) -> bool:
        """Whether the stream goes on after the first piece of the answer."""
        if model.endswith("-hang"):
            self.server_state.stopping.wait()
        elif model.endswith("-error"):
            error = {"type": "overloaded_error", "code": "overloaded", "message": "Overloaded", "param": None}
            self._event(
                {"type": "error", "error": error, "message": "Overloaded", "code": "overloaded"},
                "error" if api.named else None,
            )
            self._end()
        elif not model.endswith("-break"):
            return True
        self.close_connection = True
        with suppress(OSError):  # the client has gone
            self.connection.shutdown(socket.SHUT_RDWR)
        return False

    def _event(self, event: Body, name: str | None) -> None:
        head = f"event: {name}\n" if name else ""
        self._chunk(f"{head}data: {json.dumps(event)}\n\n".encode())

    def _end(self) -> None:
        self._chunk(b"")

    def _chunk(self, raw: bytes) -> None:
        try:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(raw), raw))
        except OSError:  # the client has gone
            self.close_connection = True

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:  # same
            self.close_connection = True

    def finish(self) -> None:
        with suppress(OSError):  # same
            super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


def _is_piece(event: Body) -> bool:
    """Whether an event holds a piece of the answer."""
    if "choices" in event:
        choice = event["choices"][0] if event["choices"] else {}
        return bool(
            choice.get("text") or choice.get("delta", {}).get("content") or choice.get("delta", {}).get("tool_calls")
        )
    return event.get("type") in ("response.output_text.delta", "content_block_delta")
