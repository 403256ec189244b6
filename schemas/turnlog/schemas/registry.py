"""A client for Confluent-compatible schema registries: the two calls the codec needs."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlsplit
from urllib.request import Request, urlopen

from turnlog.schemas.errors import SettingError, TransientError
from turnlog.schemas.schema import Schema

_TYPE = "application/vnd.schemaregistry.v1+json"


class ConfluentRegistry:
    """Talks to a registry over HTTP; every method blocks until it answers or the timeout is over.

    Args:
        url: Base address, ``http(s)://[user:password@]host:port``.
        timeout: Seconds to wait for an answer.
    """

    def __init__(self, url: str, timeout: float = 5.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SettingError("the schema registry's address must be http(s)://host:port")
        credentials, _, host = parts.netloc.rpartition("@")
        self._url = f"{parts.scheme}://{host}{parts.path.rstrip('/')}"
        self._headers = {"Content-Type": _TYPE, "Accept": _TYPE}
        if credentials:
            self._headers["Authorization"] = f"Basic {b64encode(unquote(credentials).encode()).decode()}"
        self._timeout = timeout

    def schema_of(self, schema_id: int) -> Schema | None:
        """Return the schema with that id, or None if the registry has none.

        Raises:
            TransientError: If the registry does not answer.
        """
        answer = self._ask("GET", f"/schemas/ids/{schema_id}")
        return None if answer is None else Schema.from_json(answer["schema"])

    def id_of(self, subject: str, schema: Schema) -> int:
        """Register the schema under the subject, if it is new there, and return its id.

        Raises:
            TransientError: If the registry does not answer.
            SettingError: If it refuses the schema.
        """
        answer = self._ask("POST", f"/subjects/{quote(subject, safe='')}/versions", {"schema": schema.to_json()})
        if answer is None:
            raise SettingError(f"the registry has no place for subject {subject}")
        return int(answer["id"])

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        request = Request(  # noqa: S310 - the scheme is checked in the constructor
            self._url + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers=self._headers,
        )
        try:
            with urlopen(request, timeout=self._timeout) as answer:  # noqa: S310 - same
                return json.load(answer)
        except HTTPError as error:
            if error.code == 404:
                return None
            if 400 <= error.code < 500:
                raise SettingError(f"the schema registry refused {method} {path}: {error.code}") from error
            raise TransientError(f"the schema registry failed on {method} {path}: {error.code}") from error
        except (URLError, TimeoutError, OSError) as error:
            raise TransientError(f"the schema registry does not answer: {error}") from error
