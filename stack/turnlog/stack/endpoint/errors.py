"""What a request can be refused with, in ClickHouse's words: a code, its name, and the HTTP status it maps to.

    TurnlogError
    ├── ServerError        goes to the HTTP client, never ends the process
    └── UserError
        └── StartError     the endpoint cannot start: one line on stderr, exit code 2

The map from codes to statuses is that of ClickHouse's ``exceptionCodeToHTTPStatus``.
"""

from __future__ import annotations

import enum
import re
from typing import Final

from turnlog.schemas.errors import TurnlogError, UserError


class Code(enum.IntEnum):
    """The ClickHouse error codes that the endpoint itself raises."""

    BAD_ARGUMENTS = 36
    NOT_IMPLEMENTED = 48
    SYNTAX_ERROR = 62
    UNKNOWN_TYPE_OF_QUERY = 78
    UNKNOWN_COMPRESSION_METHOD = 89
    READONLY = 164
    TOO_MANY_SIMULTANEOUS_QUERIES = 202
    EMPTY_QUERY = 211
    QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING = 216
    QUERY_IS_TOO_LARGE = 229
    CANNOT_DECOMPRESS = 271
    SESSION_NOT_FOUND = 372
    SESSION_IS_LOCKED = 373
    INVALID_SESSION_TIMEOUT = 374
    QUERY_WAS_CANCELLED = 394
    BAD_REQUEST_PARAMETER = 408
    AUTHENTICATION_FAILED = 516
    STD_EXCEPTION = 1001


_CODES_BY_STATUS: Final[dict[int, tuple[int, ...]]] = {
    400: (
        *(6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123),
        *(167, 168, 223, 321, 376, 427, 441, 675, 676),
    ),
    401: (194,),
    403: (192, 193, 497, 512, 516),
    404: (46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511),
    408: (159,),
    411: (381,),
    413: (229,),
    415: (779,),
    501: (48,),
    503: (76, 209, 439),
}
_STATUS: Final = {code: status for status, codes in _CODES_BY_STATUS.items() for code in codes}

_ENGINE_MESSAGE: Final = re.compile(r"Code: (\d+)\. (?:DB::)?\w*Exception: ?")
_NAME: Final = re.compile(r"\(([A-Z][A-Z0-9_]+)\)(?: \(version [^()]*(?:\([^()]*\))?\))?\s*$")
_VERSION: Final = re.compile(r"\s*\(version [^()]*(?:\([^()]*\))?\)\s*$")


class ServerError(TurnlogError):
    """A refusal in ClickHouse's form.

    Attributes:
        code: ClickHouse's error code.
        name: its name, such as ``UNKNOWN_TABLE``.
        text: what went wrong, without code, name and version.
    """

    def __init__(self, code: int, text: str, name: str | None = None) -> None:
        self.code = int(code)
        self.name = name or _name_of(code)
        self.text = text
        super().__init__(self.message())

    @property
    def status(self) -> int:
        """The HTTP status that ClickHouse answers this code with."""
        return _STATUS.get(self.code, 500)

    def message(self, version: str = "") -> str:
        """The line that a client sees; ``version`` is the engine's, when it should be named."""
        suffix = f" (version {version} (chDB))" if version else ""
        return f"Code: {self.code}. DB::Exception: {self.text} ({self.name}){suffix}"

    @classmethod
    def from_engine(cls, message: str) -> ServerError:
        """Read an engine's exception text, which may be wrapped in a binding's own words."""
        found = _ENGINE_MESSAGE.search(message)
        if found is None:
            return cls(Code.STD_EXCEPTION, message.strip())
        text = _VERSION.sub("", message[found.end() :].strip())
        name = _NAME.search(text)
        if name is None:
            return cls(int(found.group(1)), text)
        return cls(int(found.group(1)), text[: name.start()].rstrip(), name.group(1))


class StartError(UserError):
    """The endpoint cannot start; the message says why and what to do."""


def _name_of(code: int) -> str:
    try:
        return Code(code).name
    except ValueError:
        return "UNKNOWN_EXCEPTION"
