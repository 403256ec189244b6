"""What an HTTP request asks for, read from its URL and headers; pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from turnlog.stack.endpoint.errors import Code, ServerError

_DEFAULT_SESSION_SECONDS: Final = 60
_MAX_SESSION_SECONDS: Final = 3600

# URL parameters of the HTTP interface itself; every other one is an engine setting.
_RESERVED: Final = frozenset(
    {
        *("query", "user", "password", "quota_key", "query_id", "stacktrace", "role", "compress", "decompress"),
        *("buffer_size", "wait_end_of_query", "session_id", "session_timeout", "session_check", "close_session"),
        *("client_protocol_version", "database", "default_format"),
    }
)
_EXTERNAL_SUFFIXES: Final = ("_format", "_types", "_structure")
_TRUE: Final = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class SessionRef:
    """The session that a request names; ``must_exist`` refuses to make one."""

    id: str
    seconds: int
    must_exist: bool
    close: bool


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks; the password never shows in a repr."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """A request for a query, without its body.

    Attributes:
        method: of HTTP, in capitals.
        query: the URL's part of the query; a body is joined to it.
        settings: engine settings, in the order of the URL.
        bindings: query parameters (``param_x``), without the prefix, in ClickHouse's escaped text form.
        options: the HTTP interface's own parameters.
        headers: names in small letters.
    """

    method: str
    query: bytes
    settings: Mapping[str, str]
    bindings: Mapping[str, str]
    options: Mapping[str, str]
    headers: Mapping[str, str]

    def flag(self, name: str) -> bool:
        """A yes-or-no option, or a setting of that name."""
        value = self.options.get(name, self.settings.get(name, ""))
        return value.lower() in _TRUE

    def number(self, name: str, default: int) -> int:
        """An option that counts something.

        Raises:
            ServerError: it is no whole number.
        """
        value = self.options.get(name, "")
        if not value:
            return default
        try:
            return int(value)
        except ValueError:
            raise ServerError(Code.BAD_ARGUMENTS, f"Parameter {name} is not a number: {value!r}") from None

    @property
    def database(self) -> str:
        """The database to resolve names in, or an empty string for the session's."""
        return self.options.get("database") or self.headers.get("x-clickhouse-database", "")

    @property
    def default_format(self) -> str:
        """The output format of statements without a FORMAT clause."""
        chosen = self.options.get("default_format") or self.headers.get("x-clickhouse-format")
        return chosen or self.settings.get("default_format") or "TabSeparated"

    @property
    def query_id(self) -> str:
        """The query id that the client chose, or an empty string."""
        return self.options.get("query_id") or self.headers.get("x-clickhouse-query-id", "")

    @property
    def read_only(self) -> bool:
        """Whether nothing may change, by the method or by a setting."""
        return self.method in {"GET", "HEAD"} or self.settings.get("readonly", "0") != "0"

    def credentials(self) -> Credentials:
        """Who asks, by headers, basic authentication or URL.

        Raises:
            ServerError: two ways at once, or malformed.
        """
        user, key = self.headers.get("x-clickhouse-user", ""), self.headers.get("x-clickhouse-key", "")
        basic = self.headers.get("authorization", "")
        in_url = "user" in self.options or "password" in self.options
        if user or key:
            if basic or in_url:
                raise ServerError(
                    Code.AUTHENTICATION_FAILED,
                    "Invalid authentication: it is not allowed to use X-ClickHouse HTTP headers and other "
                    "authentication methods simultaneously",
                )
            return Credentials(user or "default", key)
        if basic:
            return _from_authorization(basic)
        return Credentials(self.options.get("user") or "default", self.options.get("password", ""))

    def session(self) -> SessionRef | None:
        """The session asked for, or None.

        Raises:
            ServerError: its timeout is not a number of seconds up to an hour.
        """
        name = self.options.get("session_id", "")
        if not name:
            return None
        given = self.options.get("session_timeout", "")
        if given and not given.isdigit():
            raise ServerError(Code.INVALID_SESSION_TIMEOUT, f"Invalid session timeout: '{given}'")
        seconds = int(given) if given else _DEFAULT_SESSION_SECONDS
        if seconds > _MAX_SESSION_SECONDS:
            raise ServerError(
                Code.INVALID_SESSION_TIMEOUT,
                f"Session timeout '{given}' is larger than max_session_timeout: {_MAX_SESSION_SECONDS}. "
                "Maximum session timeout could be modified in configuration file.",
            )
        return SessionRef(name, seconds, self.flag("session_check"), self.flag("close_session"))

    def with_fields(self, fields: Iterable[tuple[str, bytes]]) -> QueryRequest:
        """This request with the fields of a form, which mean what URL parameters mean."""
        pairs = [(name, value.decode("utf-8", "surrogateescape")) for name, value in fields]
        return _request(self.method, pairs, self.headers, self)


def parse_request(method: str, query_string: bytes, headers: Iterable[tuple[bytes, bytes]]) -> QueryRequest:
    """Read a request's URL and headers."""
    pairs = parse_qsl(
        query_string.decode("ascii", "surrogateescape"),
        keep_blank_values=True,
        errors="surrogateescape",
    )
    named = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
    return _request(method, pairs, named, None)


def is_external_option(name: str, tables: Iterable[str]) -> bool:
    """Whether a parameter describes one of the external ``tables`` rather than being a setting."""
    return any(name == table + suffix for table in tables for suffix in _EXTERNAL_SUFFIXES)


def _request(
    method: str, pairs: Iterable[tuple[str, str]], headers: Mapping[str, str], base: QueryRequest | None
) -> QueryRequest:
    query = base.query if base else b""
    settings = dict(base.settings) if base else {}
    bindings = dict(base.bindings) if base else {}
    options = dict(base.options) if base else {}
    for name, value in pairs:
        if name == "query":
            query += value.encode("utf-8", "surrogateescape")
        elif name.startswith("param_"):
            bindings[name.removeprefix("param_")] = value
        elif name in _RESERVED:
            options[name] = value
        elif name:
            settings[name] = value
    return QueryRequest(method, query, settings, bindings, options, headers)


def _from_authorization(header: str) -> Credentials:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise ServerError(Code.BAD_ARGUMENTS, "Invalid authorization header") from None
        return Credentials(user or "default", password)
    raise ServerError(Code.AUTHENTICATION_FAILED, f"Invalid authentication: '{scheme}' is not supported")
