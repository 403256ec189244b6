"""A privacy officer's side of people's rights: who is meant, requests and receipts."""

from turnlog.stack.rights.requests import Asked, ask, read_asked, wait_for
from turnlog.stack.rights.subjects import Lookup, Subject, lookup_of, subject_of

__all__ = [
    "Asked",
    "Lookup",
    "Subject",
    "ask",
    "lookup_of",
    "read_asked",
    "subject_of",
    "wait_for",
]
