"""Checks that tell keys, passwords and account names from placeholders, code and words."""

from __future__ import annotations

import base64
import binascii
import math
import re

from turnlog.processors.redaction.validators.found import Found, part

_HOLLOW_WORDS = "xxxx example placeholder changeme change_me replace insert dummy redacted removed hidden todo fixme "
_HOLLOW_PARTS = (*_HOLLOW_WORDS.split(), "***", "...", "\u2026", "____", "----")
_HOLLOW_ENDS = (")", "_here", " here", "-here")
_SOMEBODYS = r"(?:your|my|some|the|enter)[_ -]"
_SETTING = r"(?:os|process|env|settings|config|secrets|self|this|args|request|getenv|environ|vault)[.\[(]"
_HOLLOW_START = re.compile(
    rf"[$%{{<\[]?[${{<\[]|{_SOMEBODYS}|{_SETTING}"
    r"|(?:none|null|nil|undefined|true|false|string|password|secret|token|key|value|test)$"
)
_HOLLOW_INSIDE = re.compile(rf"\$\{{|\{{\{{|%[({{]|<[a-z]|[^a-z](?:{_SOMEBODYS}|(?<![0-9]){_SETTING})")
_CALL = re.compile(r"[a-z_]\w*\(")
_RUN = re.compile(r"(.)\1{5}")
_SERIES = ("123456789", "abcdefgh")
_CODE = re.compile(
    r"[a-z]+(?:[A-Z][a-z]+)+|[A-Za-z]+(?:[_.-][A-Za-z]+)+|(?:/[\w.-]+){2,}/?|[\w.-]+\.(?:com|org|net|py|js|json|md|txt|html)"
)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def _is_hollow(lowered: str) -> bool:
    """Tell of a value in lower case whether it stands for another: a placeholder, a variable's name or a call."""
    # Most values are none of these, and each part by itself is looked for in no time.
    return (
        any(each in lowered for each in _HOLLOW_PARTS)
        or lowered.endswith(_HOLLOW_ENDS)
        or _HOLLOW_START.match(lowered) is not None
        or _HOLLOW_INSIDE.search(lowered) is not None
        or ("(" in lowered and _CALL.search(lowered) is not None)
    )


def _is_filler(lowered: str) -> bool:
    """Tell of a value in lower case whether it is typed without thought."""
    return any(each in lowered for each in _SERIES) or _RUN.search(lowered) is not None


def entropy(value: str) -> float:
    """Return the Shannon entropy of a text's characters, in bits per character."""
    return _entropy([*map(value.count, dict.fromkeys(value))])


def _entropy(counts: list[int]) -> float:
    size = sum(counts)
    return math.log2(size) - sum([count * math.log2(count) for count in counts if count > 1]) / size if size else 0.0


def secret(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - the signature of all validators
    """Take values that look random: letters and digits mixed, and enough of them different."""
    value = part(match)
    counts = [*map(value.count, dict.fromkeys(value))]
    if len(counts) < 6:
        return None
    bits, lowered, size = _entropy(counts), value.lower(), len(value)
    if _DIGIT.search(value) is None:
        # Letters alone are random where their case is, and vowels don't come as words have them.
        upper = sum(map(str.isupper, value))
        if not (size >= 20 and 0.25 < upper / size < 0.75 and bits > 3.8):
            return None
    if size < 16 and (lowered == value or value.upper() == value):
        return None
    if bits < (3.0 if size >= 16 else 2.8) or _CODE.fullmatch(value) or _is_filler(lowered):
        return None
    return None if _is_hollow(lowered) else Found(value)


def assigned(match: re.Match[str], text: str) -> Found | None:
    """Take values that look random and are no digest or identity: those are named by many words, secrets by few."""
    value = part(match).rstrip(".,;:!?)")
    if (
        _UUID.fullmatch(value)
        and _SECRET_NAME.search(
            text, max(0, match.start() - 24), match.start("it" if "it" in match.re.groupindex else 0)
        )
        is None
    ):
        return None
    named = text[max(0, match.start() - 24) : match.start() + 16]
    if _HEX.fullmatch(value) and _DIGEST_NAME.search(named):
        return None
    return secret(match, text)


_DIGIT = re.compile(r"\d")
_HEX = re.compile(r"[0-9a-f]{7,128}", re.IGNORECASE)
_DIGEST_NAME = re.compile(r"commit|sha|md5|digest|hash|checksum|etag|revision|git|span|trace", re.IGNORECASE)
_SECRET_NAME = re.compile(
    r"key|token|secret|credential|auth|schlüssel|clé|jeton|clave|chave|chiave|sleutel|klucz|anahtar|ключ|токен|секрет"
    r"|مفتاح|कुंजी|密钥|密鑰|令牌|キー|トークン|키|토큰",
    re.IGNORECASE,
)


def not_variable(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take values that are written out, not a variable's name between its signs, nor digits alone."""
    value = part(match)
    hollow = _VARIABLE.search(value) or value.isdigit() or value.casefold() in {"password", "pass", "pwd", "secret"}
    return None if hollow else Found(value)


_VARIABLE = re.compile(r"^[$%{<\[*]|\$\{|\{\{|\*{3,}|x{4,}|(?:your|my)[_-]", re.IGNORECASE)


def not_placeholder(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take values in a form of their own, unless they are filled with one letter or say that they stand for another."""
    value = part(match)
    lowered = value.lower()
    if len(set(value)) < 8 or _is_filler(lowered) or "example" in lowered or "xxxx" in lowered:
        return None
    return Found(value)


def password(match: re.Match[str], text: str) -> Found | None:
    """Take values that are no placeholder and no reference to a variable."""
    value = part(match)
    if len(set(value)) < 4:
        return None
    # Between quotes a password may be of any signs; outside, many of them are code.
    quoted = text[match.start("it") - 1 : match.start("it")] in {'"', "'", "`"}
    if _is_hollow(value.lower()) and not (quoted and len(value) >= 8 and entropy(value) > 3.0 and _SIGNS.search(value)):
        return None
    if value.isascii() and value.isalpha():
        return Found(value) if value.casefold() in _COMMON or _is_scrambled(value) else None
    return None if _WORDS.fullmatch(value) or value.isalpha() else Found(value)


def _is_scrambled(value: str) -> bool:
    """Tell whether letters alone change their case more often than words in a name do."""
    return len(value) >= 8 and len(value) < _PIECE * len(_PIECES.findall(value))


_PIECES = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_PIECE = 2.6


_SIGNS = re.compile(r"[0-9].*[A-Za-z]|[A-Za-z].*[0-9]")
_WORDS = re.compile(r"[A-Za-z]+(?:[-_./'\u2019][A-Za-z]+)*[.,:;!?)]*|[0-9]{1,3}[.,]?|\W+")
_COMMON = frozenset(
    {"qwerty", "qwertyuiop", "qwertz", "azerty", "asdfgh", "asdfghjkl", "zxcvbnm", "letmein", "iloveyou"}
)
"""Letters that hardly stand for anything but a password."""


def spoken_password(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take what looks like a password and like no name of a thing: letters with digits and signs among them."""
    value = part(match).rstrip(".,;:!?)\"'")
    if len(value) < 7 or _is_hollow(value.lower()) or _UUID.fullmatch(value) or _NAMED_THING.search(value):
        return None
    mixed = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return Found(value, match.start("it") + len(value)) if mixed else None


_NAMED_THING = re.compile(
    r"^(?:v?[0-9][0-9.,:/%+-]*[A-Za-z%+]*|[0-9]+(?:-[A-Za-z]+)+|[A-Za-z]+[0-9]{1,2}|[A-Za-z]+-[0-9]{1,3}|v?[0-9]+(?:\.[0-9]+)+\S*"
    r"|(?:sha|aes|rsa|md|rc|base|utf|iso|rfc|cve|http|pbkdf|bcrypt|argon|scrypt|win|ios|int|uint|float)[-_]?[0-9]\S*)$"
    r"|://|/\w+/|\w@\w+\.\w|[()\[\]{}=]",
    re.IGNORECASE,
)


def jwt(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take web tokens (RFC 7519) whose head decodes to a JSON object."""
    value = part(match)
    head = value.partition(".")[0]
    try:
        decoded = base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))
    except (binascii.Error, ValueError):
        return None
    return Found(value) if decoded.lstrip()[:1] == b"{" else None


_ROLES_AND_CODE = (
    "admin administrator root user username users test tester guest anonymous none null nil undefined true false "
    "string str int postgres mysql mongo redis sa oracle name email password self this your_username myuser "
    "dbuser default public system assistant agent bot human role text value id input and or is the a an of to in "
    "for with not must can will should field required data object account "
)
_NOBODY = frozenset(_ROLES_AND_CODE.split())


def username(match: re.Match[str], text: str) -> Found | None:
    """Take account names that belong to somebody, not to a role or a piece of code."""
    value = part(match)
    if value.casefold() in _NOBODY or _VARIABLE.search(value) or _NO_NAME.fullmatch(value):
        return None
    # Between quotes any word is a name; outside only one with a digit or sign in it is no other word.
    quoted = text[match.start("it") - 1 : match.start("it")] in {'"', "'", "`"}
    if not quoted and not re.search(r"[0-9_@.-]", value):
        return None
    return Found(value.casefold())


_NO_NAME = re.compile(r"[0-9.:,/-]+|[0-9]+:.*|https?:.*")


def username_logged(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take account names that belong to somebody."""
    value = part(match).casefold()
    return None if value in _NOBODY or value in _SERVICES else Found(value)


_ACCOUNTS_OF_PROGRAMS = "daemon bin nobody www-data sshd git jenkins ubuntu debian centos ec2-user nginx apache support"
_SERVICES = frozenset(_ACCOUNTS_OF_PROGRAMS.split())


def account(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take identifiers with enough digits in them."""
    value = part(match)
    return (
        Found(value.upper())
        if sum(map(str.isdigit, value)) >= 4
        and len(set(value)) > 2
        and not _UUID.fullmatch(value)
        and not _YEAR.fullmatch(value)
        else None
    )


_YEAR = re.compile(r"(?:19|20)[0-9]{2}(?:[-/][0-9]{1,2}){0,2}")
