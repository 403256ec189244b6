from __future__ import annotations

import pytest

from turnlog.schemas import SettingError
from turnlog.sinks import Address


def test_an_address_is_read_from_a_url() -> None:
    found = Address.parse("https://me:p%40ss@db.example/logs")
    assert (found.host, found.port, found.database, found.secure) == ("db.example", 8443, "logs", True)
    assert (found.username, found.password) == ("me", "p@ss")


def test_defaults() -> None:
    assert Address.parse("http://127.0.0.1") == Address()
    assert Address.parse("http://127.0.0.1/a", "b").database == "b"


def test_nothing_shown_holds_the_password() -> None:
    found = Address.parse("http://me:secret@host:1/db")
    assert "secret" not in f"{found!r} {found}"
    assert str(found) == "http://host:1/db"


@pytest.mark.parametrize(
    "url", ["host:8123", "ftp://u:secret@host", "http://", "http://h:secret", "http://u:secret@h/a-b"]
)
def test_malformed_addresses_are_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(SettingError) as caught:
        Address.parse(url)
    assert "secret" not in str(caught.value)
