"""The one way to make a ClickHouse client."""

from __future__ import annotations

import logging
from typing import Any

import clickhouse_connect
from clickhouse_connect import common
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from turnlog.sinks.address import Address
from turnlog.sinks.errors import UnavailableError

# Several threads may use one client at once, which a session would forbid; nothing here needs a session.
common.set_setting("autogenerate_session_id", False)
# The library's log would repeat what errors say, at a severity of its own.
logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)


def client(
    url: str | Address, *, database: str | None = None, connect_timeout: float = 5.0, timeout: float = 120.0
) -> Client:
    """Connect to ClickHouse. Blocks until it answers or the timeout is over.

    Args:
        url: ``http(s)://[user:password@]host:port[/database]``, or an address.
        database: Wins over the URL's; the empty string connects without one, for servers that have none yet.
        connect_timeout: Seconds to wait for a connection.
        timeout: Seconds to wait for an answer.

    Returns:
        A client without a session, that several threads may use at once.

    Raises:
        SettingError: If the URL is malformed.
        UnavailableError: If ClickHouse does not answer or refuses the connection.
    """
    address = url if isinstance(url, Address) else Address.parse(url, database or None)
    chosen = address.database if database is None else database
    settings: dict[str, Any] = {}
    try:
        return clickhouse_connect.get_client(
            interface="https" if address.secure else "http",
            host=address.host,
            port=address.port,
            username=address.username,
            password=address.password,
            database=chosen or "default",
            connect_timeout=connect_timeout,
            send_receive_timeout=timeout,
            compress=False,
            query_limit=0,
            settings=settings,
        )
    except (ClickHouseError, OSError) as error:
        raise unavailable(error, f"ClickHouse at {address}") from error


def unavailable(error: BaseException, what: str) -> UnavailableError:
    """Return the error that says who refused what, or does not answer."""
    code = getattr(error, "code", None)
    if code is None:
        return UnavailableError(f"{what}: no answer")
    return UnavailableError(f"{what}: {reason(error)}", code)


def reason(error: BaseException, limit: int = 300) -> str:
    """Return what ClickHouse says is wrong, on one line, cut at a number of characters."""
    text = " ".join(str(error).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
