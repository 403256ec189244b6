"""Where ClickHouse is, as a value whose repr hides the password."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from turnlog.schemas import SettingError

DEFAULT_URL = "http://127.0.0.1:8123"
DEFAULT_DATABASE = "turnlog"
VARIABLE = "TURNLOG_CLICKHOUSE_URL"

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


@dataclass(frozen=True)
class Address:
    """A ClickHouse server's HTTP interface and the database to use there.

    Attributes:
        host: Name or address.
        port: TCP port.
        database: Database; letters, digits and underscores.
        secure: Whether to speak TLS.
        username: User, or None for the server's default one.
        password: Its password.
    """

    host: str = "127.0.0.1"
    port: int = 8123
    database: str = DEFAULT_DATABASE
    secure: bool = False
    username: str | None = field(default=None, repr=False)
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Refuse names that would need quoting.

        Raises:
            SettingError: If the database's name is malformed.
        """
        check_database(self.database)

    @classmethod
    def parse(cls, url: str, database: str | None = None) -> Address:
        """Read ``http(s)://[user:password@]host[:port][/database]``.

        Args:
            url: The address.
            database: Wins over the one in the URL; without either it is ``turnlog``.

        Raises:
            SettingError: If it is malformed; the message does not quote it, for it may hold a password.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise SettingError(f"ClickHouse's address has no valid host or port ({VARIABLE})") from None
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SettingError(f"ClickHouse's address must be http(s)://[user:password@]host:port[/db] ({VARIABLE})")
        secure = parts.scheme == "https"
        return cls(
            host=parts.hostname,
            port=port or (8443 if secure else 8123),
            database=database or parts.path.strip("/") or DEFAULT_DATABASE,
            secure=secure,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password or ""),
        )

    def __str__(self) -> str:
        """Return the address without user and password."""
        return f"http{'s' if self.secure else ''}://{self.host}:{self.port}/{self.database}"


def check_database(name: str) -> str:
    """Return the name of a database if it needs no quoting.

    Raises:
        SettingError: If it has anything but letters, digits and underscores.
    """
    if not _IDENTIFIER.fullmatch(name):
        raise SettingError(f"database name {name!r} may hold letters, digits and underscores ({VARIABLE})")
    return name
