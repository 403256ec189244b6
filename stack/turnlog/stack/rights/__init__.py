"""A privacy officer's side of people's rights: who is meant, requests, receipts and exports."""

from turnlog.stack.rights.bundle import BundleFormat, write_bundle
from turnlog.stack.rights.requests import Asked, ask, read_asked, wait_for
from turnlog.stack.rights.subjects import Subject, pseudonyms_of, subject_of

__all__ = [
    "Asked",
    "BundleFormat",
    "Subject",
    "ask",
    "pseudonyms_of",
    "read_asked",
    "subject_of",
    "wait_for",
    "write_bundle",
]
