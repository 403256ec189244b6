"""Makes of a user's expression the Hyperscan expression that finds where it may match.

Hyperscan works on bytes and knows no look-arounds. What is made here therefore takes more than the expression does:
what only looks around is left out, and where any character beyond ASCII will do, so will the bytes of any such one.
"""

from __future__ import annotations

from re import _constants as kinds  # type: ignore[attr-defined]  # no public way; what is unknown here is refused
from re import _parser as parser  # type: ignore[attr-defined]  # same
from typing import Any

from turnlog.processors.policies.signs import OTHER, begin

_BEYOND = r"[\x80-\xff]{1,4}"
_GROUPS = {kinds.SUBPATTERN: 3, kinds.ATOMIC_GROUP: None}


def gate_text(pattern: str) -> str:
    """Return the expression over bytes that hits wherever this one matches.

    Raises:
        ValueError: If it has a part that has no counterpart.
    """
    return _sequence(parser.parse(pattern))


def _sequence(parts: Any) -> str:
    return "".join(map(_item, parts))


def _item(item: Any) -> str:
    kind, arguments = item
    if kind in (kinds.AT, kinds.ASSERT, kinds.ASSERT_NOT):
        return ""
    if kind is kinds.LITERAL and arguments >= OTHER:
        return "".join(f"\\x{byte:02x}" for byte in chr(arguments).encode("utf-8", "surrogatepass"))
    if kind in (kinds.LITERAL, kinds.NOT_LITERAL, kinds.ANY, kinds.IN):
        return _class(item)
    if kind in _GROUPS:
        index = _GROUPS[kind]
        return f"(?:{_sequence(arguments if index is None else arguments[index])})"
    if kind is kinds.BRANCH:
        return f"(?:{'|'.join(map(_sequence, arguments[1]))})"
    if kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT):
        least, most, inner = arguments
        return f"(?:{_sequence(inner)}){{{least},{'' if most is kinds.MAXREPEAT else most}}}"
    raise ValueError(f"the pattern has a part that can't be searched for: {str(kind).lower()}")


def _class(item: Any) -> str:
    signs = begin(item, caseless=False)
    ascii_signs = "".join(f"\\x{sign:02x}" for sign in sorted(signs) if sign < OTHER)
    if OTHER not in signs:
        return f"[{ascii_signs}]"
    return f"(?:[{ascii_signs}]|{_BEYOND})" if ascii_signs else f"(?:{_BEYOND})"
