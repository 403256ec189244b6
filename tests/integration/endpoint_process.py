"""An endpoint in a process of its own, with options that the shared one has not, and plain HTTP to it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import urllib3

from support import eventually

_PATIENCE = 60.0


@dataclass
class EndpointProcess:
    """A running endpoint."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self,
        sql: str | bytes | Iterable[bytes] = b"",
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        path: str = "/",
        **parameters: str,
    ) -> urllib3.BaseHTTPResponse:
        """Send a request on a connection of its own."""
        with urllib3.PoolManager() as pool:
            query = "?" + "&".join(f"{name}={quote(value)}" for name, value in parameters.items())
            body = sql.encode() if isinstance(sql, str) else sql
            return pool.request(
                method,
                self.url + path + (query if parameters else ""),
                body=body or None,
                headers=dict(headers or {}),
                retries=False,
            )

    def text(self, sql: str, **parameters: str) -> str:
        """Send a query that must succeed and return its result."""
        answer = self.ask(sql, method="POST", headers=None, path="/", **parameters)
        assert answer.status == 200, answer.data
        return answer.data.decode()


@contextmanager
def running_endpoint(
    folder: Path, *options: str, environment: Mapping[str, str] | None = None
) -> Iterator[EndpointProcess]:
    """Run an endpoint on the data of ``folder`` until the block ends."""
    ready = folder / "ready"
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "turnlog.stack.endpoint", "--path", str(folder / "data"), "--port", "0"]
    process = subprocess.Popen(
        [*command, "--ready-file", str(ready), *options], env={**os.environ, **(environment or {})}
    )
    try:
        eventually(lambda: ready.exists() or process.poll() is not None, _PATIENCE)
        assert process.poll() is None
        yield EndpointProcess(int(ready.read_text()), process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_PATIENCE)
