"""How much of the texts is captured: all, none, or digests; how much of one; and where the whole of it goes."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from turnlog.producers.texts.truncation import LEAST_BYTES, utf8
from turnlog.schemas import MAX_RECORD_BYTES, SettingError

Capture = Literal["full", "off", "hashed"]
CAPTURES: tuple[Capture, ...] = ("full", "off", "hashed")

Store = Callable[[str, bytes], str]
"""Takes a text's SHA-256 in hexadecimal and its UTF-8, keeps it, and returns where: a path, a URL, a key. Runs in the
background thread, which waits for it."""

EVERY_TENANT = "*"
"""Names, among tenants, all those that are not named."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """What is captured of the texts of one tenant.

    Attributes:
        capture: What was said in a conversation: a call's instructions, messages and tools, a step's input, output and
            documents, a score's texts. ``off`` leaves them out, ``hashed`` keeps a SHA-256 of each in its place.
        logs: The same for what the code says: bodies and exceptions of log lines, error messages.
        max_bytes: Largest text of a field; a longer one loses its middle. Attributes and documents count together. A
            call has half a dozen such fields, which are to fit the limit ``record_bytes`` together.
        secret: Makes the digests of ``hashed`` keyed (HMAC), so that nobody can find a text by guessing.
        store: Is handed longer texts whole; the event keeps their digest, where they are, and the cut text.
    """

    capture: Capture = "full"
    logs: Capture = "full"
    max_bytes: int = 1024 * 1024
    secret: str | None = field(default=None, repr=False)
    store: Store | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what can't be right.

        Raises:
            SettingError: If a value is unknown or out of range.
        """
        for name in ("capture", "logs"):
            if getattr(self, name) not in CAPTURES:
                raise SettingError(f"content {name} must be one of {', '.join(CAPTURES)}, not {getattr(self, name)!r}")
        most = MAX_RECORD_BYTES // 4
        if isinstance(self.max_bytes, bool) or not isinstance(self.max_bytes, int):
            raise SettingError(f"content max_bytes must be a whole number, not {self.max_bytes!r}")
        if not LEAST_BYTES <= self.max_bytes <= most:
            raise SettingError(f"content max_bytes must be from {LEAST_BYTES} to {most}, not {self.max_bytes}")
        if self.secret is not None and (not isinstance(self.secret, str) or len(self.secret) < 16):
            raise SettingError("content secret must be a text of 16 characters or more, random ones")
        if self.store is not None and not callable(self.store):
            raise SettingError("content store must be something to call")

    def digest(self, text: str) -> str:
        """Return what stands for a text: ``sha256:`` or, with a secret, ``hmac-sha256:``, and 64 digits."""
        if self.secret is None:
            return f"sha256:{sha256(utf8(text)).hexdigest()}"
        return f"hmac-sha256:{hmac.digest(utf8(self.secret), utf8(text), 'sha256').hex()}"


Contents = Content | Mapping[str, Content]
"""One for all tenants, or one by tenant, that of ``*`` for those not named."""


def by_tenant(contents: Contents | None) -> dict[str, Content]:
    """Return contents by tenant, ``*`` always among them.

    Raises:
        SettingError: If they are neither.
    """
    if contents is None or isinstance(contents, Content):
        return {EVERY_TENANT: contents or Content()}
    if not isinstance(contents, Mapping) or not all(
        isinstance(tenant, str) and isinstance(each, Content) for tenant, each in contents.items()
    ):
        raise SettingError("content must be a Content, or a mapping from tenants to Contents")
    return {EVERY_TENANT: Content(), **contents}
