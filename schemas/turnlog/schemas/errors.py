"""Every error that turnlog raises, in one tree.

    TurnlogError
    ├── UserError                    the caller can fix it: one line on stderr, exit code 2
    │   ├── SettingError             a setting is wrong
    │   ├── MissingExtraError        an optional part is not installed (also an ImportError)
    │   └── IncompatibleSchemaError  a schema breaks the promise of evolution
    ├── TransientError               it will pass: try again, later
    └── PoisonError                  these bytes will never do: dead-letter them
        ├── EncodeError              a record does not fit its schema
        └── DecodeError              bytes are not a record
            ├── EmptyPayloadError    nothing there
            ├── BadMagicError        neither single-object nor Confluent framing
            ├── UnknownSchemaError   a fingerprint or id that nobody published
            ├── WrongRecordError     a record of another kind than the topic's
            ├── TruncatedError       it ends too early
            ├── TrailingBytesError   it goes on after its end
            ├── InvalidDatumError    it decodes to something that cannot be
            └── TooLargeError        larger than a topic takes

Messages say what is wrong, where, and what to do; they never quote a payload, which may hold personal data.
"""

from __future__ import annotations


class TurnlogError(Exception):
    """Any error of turnlog's own."""


class UserError(TurnlogError):
    """Something the caller can fix; commands print it as one line and exit with 2."""


class SettingError(UserError):
    """A setting is missing, malformed or contradicts another."""


class MissingExtraError(UserError, ImportError):
    """An optional part of turnlog was asked for whose dependencies are not installed."""


class IncompatibleSchemaError(UserError):
    """A schema can't read, or can't be read by, a version that was released."""


class TransientError(TurnlogError):
    """It may work when tried again: a server is away or busy."""


class PoisonError(TurnlogError):
    """Trying again can't help: the data itself is at fault."""


class EncodeError(PoisonError):
    """A record does not fit its schema."""


class DecodeError(PoisonError):
    """Bytes are not a record that this reader knows."""


class EmptyPayloadError(DecodeError):
    """There are no bytes."""


class BadMagicError(DecodeError):
    """The first bytes are neither C3 01 (single-object) nor 00 (Confluent)."""


class UnknownSchemaError(DecodeError):
    """The writer's schema is known neither here nor in the schema topic or registry."""


class WrongRecordError(DecodeError):
    """The writer's schema is of another record than is expected here."""


class TruncatedError(DecodeError):
    """The bytes end before the record does."""


class TrailingBytesError(DecodeError):
    """Bytes are left when the record has ended."""


class InvalidDatumError(DecodeError):
    """The bytes don't decode to the writer's schema, or to values that can be."""


class TooLargeError(DecodeError):
    """The message is larger than records may be."""
