"""Sessions: what lasts and what does not."""

from typing import Any, cast

import pytest

from turnlog.stack.endpoint.engine import Handle
from turnlog.stack.endpoint.errors import Code, ServerError
from turnlog.stack.endpoint.request import SessionRef
from turnlog.stack.endpoint.sessions import Session, SessionStore


class _Result:
    def __init__(self, text: bytes) -> None:
        self._text = text

    def bytes(self) -> bytes:
        return self._text


class _Handle:
    """Keeps settings as an engine would, all with the default ``d``."""

    def __init__(self) -> None:
        self.settings: dict[str, str] = {}
        self.statements: list[str] = []
        self.closed = False

    def run(self, sql: str, *_: Any) -> _Result:
        self.statements.append(sql)
        return _Result("".join(f"{name}\t{value}\n" for name, value in self.settings.items()).encode())

    def set(self, settings: dict[str, str]) -> None:
        self.settings.update(settings)

    def unset(self, names: list[str]) -> None:
        for name in names:
            del self.settings[name]

    def close(self) -> None:
        self.closed = True


def _session() -> tuple[Session, _Handle]:
    handle = _Handle()
    return Session(cast("Handle", handle)), handle


def test_a_requests_settings_are_gone_in_the_next() -> None:
    session, handle = _session()
    session.prepare({"a": "1", "b": "2"}, "")
    session.prepare({"b": "2"}, "")
    assert handle.settings == {"b": "2"}
    session.prepare({}, "")
    assert handle.settings == {}


def test_what_set_has_changed_comes_back() -> None:
    session, handle = _session()
    session.prepare({"a": "1"}, "")
    session.take_back()
    assert handle.settings == {}
    handle.set({"a": "set"})
    session.prepare({"a": "1"}, "")
    assert handle.settings == {"a": "1"}
    session.prepare({}, "")
    assert handle.settings == {"a": "set"}


def test_a_requests_database_is_gone_in_the_next() -> None:
    session, handle = _session()
    session.prepare({}, "x`y")
    session.prepare({}, "x`y")
    session.prepare({}, "")
    assert handle.statements == ["USE `x\\`y`", "USE `default`"]


def _store(now: list[float]) -> tuple[SessionStore, list[_Handle]]:
    made: list[_Handle] = []

    def connect() -> Handle:
        made.append(_Handle())
        return cast("Handle", made[-1])

    return SessionStore(connect, lambda: now[0]), made


def test_one_request_at_a_time() -> None:
    store, _ = _store([0.0])
    ref = SessionRef("s", 60, must_exist=False, close=False)
    session = store.acquire("u", ref)
    with pytest.raises(ServerError) as refused:
        store.acquire("u", ref)
    assert refused.value.code == Code.SESSION_IS_LOCKED
    assert store.acquire("another", ref) is not session
    store.release("u", ref, session)
    assert store.acquire("u", ref) is session


def test_an_idle_session_ends() -> None:
    now = [0.0]
    store, made = _store(now)
    ref = SessionRef("s", 10, must_exist=False, close=False)
    store.release("u", ref, store.acquire("u", ref))
    now[0] = 10.0
    with pytest.raises(ServerError) as refused:
        store.acquire("u", SessionRef("s", 10, must_exist=True, close=False))
    assert refused.value.code == Code.SESSION_NOT_FOUND
    assert made[0].closed


def test_a_session_closes_when_asked() -> None:
    store, made = _store([0.0])
    ref = SessionRef("s", 10, must_exist=False, close=True)
    store.release("u", ref, store.acquire("u", ref))
    assert made[0].closed
