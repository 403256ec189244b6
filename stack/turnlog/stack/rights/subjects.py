"""From a plain identity to the pseudonyms that stand for it. Here alone is it known in plain."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from turnlog.processors.keys import KeyRing
from turnlog.processors.policies import Finders, configured
from turnlog.processors.redaction import Pseudonyms, Span, scan
from turnlog.schemas import UserError
from turnlog.sinks.rights import TOKEN, UNLINKABLE
from turnlog.stack.keyfile import processor_settings
from turnlog.stack.servers import Servers

_KEY_FILE = "TURNLOG_PSEUDONYM_KEY_FILE"


@dataclass(frozen=True)
class Subject:
    """A person as the tables know them.

    Attributes:
        tokens: Pseudonyms, the newest first.
        conversations: Chats that are theirs as a whole.
        lost: Key epochs of which nobody can be found by name any more; empty where nobody was named in plain.
    """

    tokens: tuple[str, ...]
    conversations: tuple[str, ...]
    lost: tuple[int, ...] = ()


@dataclass(frozen=True)
class Lookup:
    """What turns somebody's name into pseudonyms, as the processors do.

    Attributes:
        ring: The keys.
        scan: Finds personal data by a tenant's policy.
    """

    ring: KeyRing
    scan: Callable[[str], Sequence[Span]] = scan


def subject_of(subjects: Iterable[str], conversations: Iterable[str], tenant: str, lookup: Lookup | None) -> Subject:
    """Return a person's pseudonyms.

    Args:
        subjects: User ids, addresses or numbers in plain, or pseudonyms.
        conversations: Ids of chats.
        tenant: Whose data.
        lookup: Makes pseudonyms; None where the key is not at hand, and only pseudonyms can be given.

    Raises:
        UserError: Nobody is named, a plain identity is given without a key, or a chat's id holds somebody in plain.
    """
    tokens: list[str] = []
    lost: tuple[int, ...] = ()
    for each in map(str.strip, subjects):
        if UNLINKABLE.fullmatch(each):
            raise UserError(f"{each} stands for everybody whose key is destroyed: nobody can be found by it")
        if TOKEN.fullmatch(each):
            tokens.append(each)
        elif not each:
            raise UserError("--subject is empty: name somebody")
        elif lookup is None:
            raise UserError(f"who --subject is only the key for pseudonyms tells: set {_KEY_FILE}, or give a pseudonym")
        else:
            tokens += _tokens(each, tenant, lookup)
            lost = tuple(epoch.number for epoch in lookup.ring.epochs if epoch.key_of(tenant) is None)
    chats = tuple(dict.fromkeys(conversations))
    if any(not each or scan(each) for each in chats):
        raise UserError(
            "a --conversation is empty or holds personal data: give its id as it stands in the tables, redacted"
        )
    if lost and not tokens and not chats:
        raise UserError(f"the keys of {tenant} are destroyed: nobody can be found by name; give a pseudonym or a chat")
    if not tokens and not chats:
        raise UserError("name somebody: --subject or --conversation")
    return Subject(tuple(dict.fromkeys(tokens)), chats, lost)


def lookup_of(servers: Servers, tenant: str) -> Lookup | None:
    """Return what makes pseudonyms, from the environment or the stack's data directory; None where there is no key.

    Raises:
        SettingError: There is a key, or a redaction file, that can't be used.
        TransientError: A key service does not answer.
    """
    settings = processor_settings(servers)
    if settings.pseudonym_key is None and settings.pseudonym_key_file is None:
        return None
    configuration = configured(settings.redaction)
    # Without a file of the user's, the rules that ship are compiled already.
    find = Finders(configuration).of(configuration.of(tenant)).scan if configuration.digest else scan
    return Lookup(settings.keys().ring(), find)


def _tokens(plain: str, tenant: str, lookup: Lookup) -> list[str]:
    """Return the pseudonyms of a user's id, and of an address or a number also those that stand for it in texts."""
    pseudonyms = Pseudonyms(lookup.ring)
    found = pseudonyms.every_user(plain, tenant)
    for span in lookup.scan(plain):
        if (span.start, span.end) == (0, len(plain)) and span.type != "SECRET":
            found += pseudonyms.every_token(span.type, span.value or plain, tenant)
    return found
