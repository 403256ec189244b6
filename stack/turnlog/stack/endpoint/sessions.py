"""Sessions: handles that outlive a request, with their settings, current database and temporary tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from turnlog.stack.endpoint.engine import Handle
from turnlog.stack.endpoint.errors import Code, ServerError
from turnlog.stack.endpoint.request import SessionRef
from turnlog.stack.endpoint.sql import quote, quote_name

_MAX_SESSIONS: Final = 1000


@dataclass(slots=True)
class Session:
    """A handle and what a request has laid over its settings for itself.

    A request's URL settings hold for that request alone, while SET and USE last. So before each statement the
    settings of the request before are taken back, unless this one asks for the same.

    Attributes:
        changed: whether a SET has been run, so that defaults are not what to go back to.
    """

    handle: Handle
    timeout: int = 60
    expires: float = 0.0
    busy: bool = True
    database: str = "default"
    overlay: dict[str, str] = field(default_factory=dict)
    below: dict[str, str] = field(default_factory=dict)
    changed: bool = False
    base_database: str = "default"

    def prepare(self, settings: Mapping[str, str], database: str) -> None:
        """Make the settings and database those of a request; blocks.

        Raises:
            ServerError: a setting or the database is unknown.
        """
        target = database or self.base_database
        if target != self.database:
            self.handle.run(f"USE {quote_name(target)}")
            self.database = target
        gone = [name for name in self.overlay if name not in settings]
        self._restore(gone)
        wanted = {name: value for name, value in settings.items() if self.overlay.get(name) != value}
        if self.changed:
            self._remember([name for name in wanted if name not in self.overlay])
        # Noted before it is tried: a refused SET may have changed some of them.
        self.overlay.update(wanted)
        self.handle.set(wanted)

    def take_back(self) -> None:
        """Undo the last request's settings, because a SET comes that must last; blocks."""
        self._restore(list(self.overlay))
        self.changed = True

    def used(self) -> None:
        """Note the database that a USE has made the session's own; blocks."""
        self.database = self.base_database = (
            self.handle.run("SELECT currentDatabase()", "TSVRaw").bytes().decode().strip()
        )

    def _restore(self, names: list[str]) -> None:
        self.handle.unset([name for name in names if name not in self.below])
        self.handle.set({name: self.below.pop(name) for name in names if name in self.below})
        for name in names:
            del self.overlay[name]

    def _remember(self, names: list[str]) -> None:
        if not names:
            return
        listed = ", ".join(quote(name) for name in names)
        query = f"SELECT name, value FROM system.settings WHERE changed AND name IN ({listed})"  # noqa: S608 - quoted
        rows = self.handle.run(query, "TSVRaw")
        for line in rows.bytes().decode().splitlines():
            name, _, value = line.partition("\t")
            self.below[name] = value


class SessionStore:
    """The sessions of all users, each in one request at a time, closed when idle for longer than they asked for.

    ``clock`` counts seconds and never goes back.
    """

    def __init__(self, connect: Callable[[], Handle], clock: Callable[[], float]) -> None:
        self._connect = connect
        self._clock = clock
        self._sessions: dict[tuple[str, str], Session] = {}

    def acquire(self, user: str, ref: SessionRef) -> Session:
        """The session named, made if need be; to be given back by :meth:`release`.

        Raises:
            ServerError: it is in use, or must exist and does not, or there are too many.
        """
        self.expire()
        session = self._sessions.get((user, ref.id))
        if session is None:
            if ref.must_exist:
                raise ServerError(Code.SESSION_NOT_FOUND, f"Session {ref.id} not found")
            if len(self._sessions) >= _MAX_SESSIONS:
                raise ServerError(Code.TOO_MANY_SIMULTANEOUS_QUERIES, f"Too many sessions: {_MAX_SESSIONS}")
            session = Session(self._connect())
            self._sessions[user, ref.id] = session
        elif session.busy:
            raise ServerError(Code.SESSION_IS_LOCKED, f"Session {ref.id} is locked by a concurrent client")
        session.busy = True
        session.timeout = ref.seconds
        return session

    def release(self, user: str, ref: SessionRef, session: Session) -> None:
        """Give a session back after a request."""
        session.busy = False
        session.expires = self._clock() + session.timeout
        if ref.close and self._sessions.get((user, ref.id)) is session:
            del self._sessions[user, ref.id]
            session.handle.close()

    def expire(self) -> None:
        """Close what has been idle for too long."""
        now = self._clock()
        for key, session in list(self._sessions.items()):
            if not session.busy and session.expires <= now:
                del self._sessions[key]
                session.handle.close()

    def close(self) -> None:
        """Close every session that no request holds."""
        for key, session in list(self._sessions.items()):
            if not session.busy:
                del self._sessions[key]
                session.handle.close()
