"""A person's request as a value, checked. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from turnlog.schemas import Datum, PoisonError
from turnlog.sinks.rights.tables import TABLES

TOKEN = re.compile(r"<[A-Z][A-Z_]{1,31}:k[0-9]{1,9}-[0-9a-f]{8,32}>")
"""A pseudonym as the processors make them."""

UNLINKABLE = re.compile("<[A-Z][A-Z_]{1,31}:k[0-9]{1,9}-0{8,32}>")
"""What stands for everybody whose key is destroyed: nobody can be found by it, and nobody may be erased by it."""

ID = re.compile("[A-Za-z0-9_.-]{1,64}")
"""A request's id."""

FOREVER_US = 4_102_444_800_000_000  # 2100

_MOST_TOKENS = 250  # ClickHouse looks for so many in a text at once
_MOST_CHATS = 1000
_LONGEST = 500


class Kind(StrEnum):
    """What is asked for."""

    ERASE = "erase"
    EXPORT = "export"
    RESTRICT = "restrict"
    RELEASE = "release"


class RefusedRequestError(PoisonError):
    """A request that can't be carried out; the message says why and quotes nothing of it."""


@dataclass(frozen=True)
class Request:
    """What a person wants done with what is known about them.

    Attributes:
        id: The request's id.
        tenant: Whose data.
        kind: What is asked.
        tokens: Pseudonyms that stand for the subject: one for each key epoch, and those that stand in texts.
        conversations: Chats that are the subject's as a whole.
        scope: Tables it is limited to; empty for all.
        range_from: First event time, microseconds since 1970 UTC.
        range_to: Last event time, inclusive. What happens later is not meant.
        whole: Whether chats that began by then are meant as a whole, to their end: each call of a chat carries what was
            said before. Not where a range of time was asked for.
        requested_by: Who asked.
        requested_us: When.
        due_us: When it must be done; None if nobody said.
    """

    id: str
    tenant: str
    kind: Kind
    tokens: tuple[str, ...]
    conversations: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    range_from: int = 0
    range_to: int = FOREVER_US
    whole: bool = True
    requested_by: str = ""
    requested_us: int = 0
    due_us: int | None = None

    @classmethod
    def of(cls, datum: Datum, taken_us: int) -> Request:
        """Read a PrivacyRequest.

        Args:
            datum: The record.
            taken_us: When the broker took it: no request reaches further into the future, whatever its own clock says.

        Raises:
            RefusedRequestError: It names nobody, or somebody in plain.
        """
        try:
            kind = Kind(datum["kind"])
        except ValueError:
            raise RefusedRequestError("what is asked for is not known to this version") from None
        conversations = tuple(dict.fromkeys(datum["conversation_ids"]))
        # A request about chats alone has one of them as its key.
        own = () if datum["subject_key"] in conversations else (datum["subject_key"],)
        tokens = tuple(dict.fromkeys(each for each in (*own, *datum["subject_keys"]) if each))
        if not ID.fullmatch(datum["privacy_request_id"]):
            raise RefusedRequestError("its id is none")
        if not is_tenant(datum["tenant_id"]):
            raise RefusedRequestError("its tenant is none")
        if len(datum["requested_by"]) > _LONGEST:
            raise RefusedRequestError("who asks has too long a name")
        _check(tokens, conversations, datum["scope"])
        now = min(datum["event_time"], taken_us)
        # A restriction also covers what is to come, until it is released.
        end = FOREVER_US if kind is Kind.RESTRICT else now
        return cls(
            id=datum["privacy_request_id"],
            tenant=datum["tenant_id"],
            kind=kind,
            tokens=tokens,
            conversations=conversations,
            scope=tuple(datum["scope"]),
            range_from=_clamped(datum["range_from"] or 0),
            range_to=end if datum["range_to"] is None else _clamped(min(end, datum["range_to"] - 1)),
            whole=datum["range_from"] is None and datum["range_to"] is None,
            requested_by=datum["requested_by"],
            requested_us=now,
            due_us=None if datum["due"] is None else _clamped(datum["due"]),
        )

    @property
    def subject(self) -> str:
        """The subject in a line: the newest token and how many more."""
        known = [*self.tokens, *(f"conversation {each}" for each in self.conversations)]
        return known[0] if len(known) == 1 else f"{known[0]} and {len(known) - 1} more"


def is_tenant(name: str) -> bool:
    """Tell whether this can be a tenant: a chain of receipts is kept for it, and ``*`` has that of the pipeline."""
    return 0 < len(name) <= _LONGEST and name != "*" and "@" not in name and name.isprintable()


def _clamped(time_us: int) -> int:
    return min(max(time_us, 0), FOREVER_US)


def _check(tokens: Iterable[str], conversations: Iterable[str], scope: Iterable[str]) -> None:
    tokens, conversations = list(tokens), list(conversations)
    if not tokens and not conversations:
        raise RefusedRequestError("it names nobody")
    if not all(TOKEN.fullmatch(each) for each in tokens):
        raise RefusedRequestError("it names its subject in plain: only pseudonyms may stand in a topic kept for ever")
    if any(UNLINKABLE.fullmatch(each) for each in tokens):
        raise RefusedRequestError("one of its pseudonyms stands for everybody whose key is destroyed")
    if not all(0 < len(each) <= _LONGEST and "@" not in each for each in conversations):
        raise RefusedRequestError("a conversation's id is empty, too long, or an address")
    if len(tokens) > _MOST_TOKENS or len(conversations) > _MOST_CHATS:
        most = f"{_MOST_TOKENS} pseudonyms or {_MOST_CHATS} chats"
        raise RefusedRequestError(f"it names more than {most}: make several of it")
    if unknown := set(scope) - TABLES.keys():
        raise RefusedRequestError(f"{len(unknown)} of the tables that it is limited to hold nothing of anybody")
