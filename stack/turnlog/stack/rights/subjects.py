"""From a plain identity to the pseudonyms that stand for it. Here alone is it known in plain."""

from collections.abc import Iterable
from dataclasses import dataclass

from turnlog.processors.redaction import Pseudonyms, scan
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
    """

    tokens: tuple[str, ...]
    conversations: tuple[str, ...]


def subject_of(
    subjects: Iterable[str], conversations: Iterable[str], tenant: str, pseudonyms: Pseudonyms | None
) -> Subject:
    """Return a person's pseudonyms.

    Args:
        subjects: User ids, addresses or numbers in plain, or pseudonyms.
        conversations: Ids of chats.
        tenant: Whose data.
        pseudonyms: Makes pseudonyms; None where the key is not at hand, and only pseudonyms can be given.

    Raises:
        UserError: Nobody is named, a plain identity is given without a key, or a chat's id holds somebody in plain.
    """
    tokens: list[str] = []
    for each in subjects:
        if UNLINKABLE.fullmatch(each):
            raise UserError(f"{each} stands for everybody whose key is destroyed: nobody can be found by it")
        if TOKEN.fullmatch(each):
            tokens.append(each)
        elif pseudonyms is None:
            raise UserError(f"who --subject is only the key for pseudonyms tells: set {_KEY_FILE}, or give a pseudonym")
        else:
            tokens += _tokens(each, tenant, pseudonyms)
    chats = tuple(dict.fromkeys(conversations))
    if any(scan(each) for each in chats):
        raise UserError("a --conversation holds personal data: give its id as it stands in the tables, redacted")
    if not tokens and not chats:
        raise UserError("name somebody: --subject or --conversation")
    return Subject(tuple(dict.fromkeys(tokens)), chats)


def pseudonyms_of(servers: Servers) -> Pseudonyms | None:
    """Return what makes pseudonyms, from the environment or the stack's data directory; None where there is no key.

    Raises:
        SettingError: There is one that can't be used.
        TransientError: A key service does not answer.
    """
    settings = processor_settings(servers)
    if settings.pseudonym_key is None and settings.pseudonym_key_file is None:
        return None
    return Pseudonyms(settings.keys().ring())


def _tokens(plain: str, tenant: str, pseudonyms: Pseudonyms) -> list[str]:
    """Return the pseudonyms of a user's id, and of an address or a number also those that stand for it in texts."""
    found = pseudonyms.every_user(plain.strip(), tenant)
    for span in scan(plain.strip()):
        if (span.start, span.end) == (0, len(plain.strip())) and span.type != "SECRET":
            value = span.value or plain.strip()
            found += pseudonyms.every_token(span.type, value, tenant)
    return found
