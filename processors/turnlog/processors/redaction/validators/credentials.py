"""Checks that tell keys, passwords and account names from placeholders, code and words."""

from __future__ import annotations

import base64
import binascii
import math
import re

from turnlog.processors.redaction.validators.found import Found, part

_PLACEHOLDER = re.compile(
    r"^[$%{<\[]?[${<\[]|\$\{|\{\{|%[({]|x{4,}|\*{3,}|\.{3}|\u2026|_{4,}|-{4,}"
    r"|example|placeholder|change_?me|replace|insert|dummy|redacted|removed|hidden|todo|fixme"
    r"|(?:^|[^a-z])(?:your|my|some|the|enter)[_ -]|<[A-Za-z]|[_ -]here$"
    r"|(?:^|[^A-Za-z0-9])(?:os|process|env|settings|config|secrets|self|this|args|request|getenv|environ|vault)[.\[(]"
    r"|^(?:none|null|nil|undefined|true|false|string|password|secret|token|key|value|test)$|[A-Za-z_]\w*\(|\)$",
    re.IGNORECASE,
)
_RUNS = re.compile(r"(.)\1{5,}|0123456789|123456789|abcdefgh", re.IGNORECASE)
_CODE = re.compile(
    r"[a-z]+(?:[A-Z][a-z]+)+|[A-Za-z]+(?:[_.-][A-Za-z]+)+|(?:/[\w.-]+){2,}/?|[\w.-]+\.(?:com|org|net|py|js|json|md|txt|html)"
)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def entropy(value: str) -> float:
    """Return the Shannon entropy of a text's characters, in bits per character."""
    size = len(value)
    shares = [value.count(each) / size for each in dict.fromkeys(value)]
    return -sum([share * math.log2(share) for share in shares])


def secret(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - the signature of all validators
    """Take values that look random: letters and digits mixed, and enough of them different."""
    value = part(match)
    if len(set(value)) < 6:
        return None
    bits = entropy(value)
    if not any(map(str.isdigit, value)):
        # Letters alone are random where their case is, and vowels don't come as words have them.
        upper = sum(map(str.isupper, value))
        if not (len(value) >= 20 and 0.25 < upper / len(value) < 0.75 and bits > 3.8):
            return None
    if len(value) < 16 and not (any(map(str.isupper, value)) and any(map(str.islower, value))):
        return None
    if bits < (3.0 if len(value) >= 16 else 2.8):
        return None
    return None if _RUNS.search(value) or _CODE.fullmatch(value) or _PLACEHOLDER.search(value) else Found(value)


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
    if len(set(value)) < 8 or _RUNS.search(value) or "example" in value.lower() or "xxxx" in value.lower():
        return None
    return Found(value)


def password(match: re.Match[str], text: str) -> Found | None:
    """Take values that are no placeholder and no reference to a variable."""
    value = part(match)
    if len(set(value)) < 4:
        return None
    # Between quotes a password may be of any signs; outside, many of them are code.
    quoted = text[match.start("it") - 1 : match.start("it")] in {'"', "'", "`"}
    if _PLACEHOLDER.search(value) and not (
        quoted and len(value) >= 8 and entropy(value) > 3.0 and _SIGNS.search(value)
    ):
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
    if len(value) < 7 or _PLACEHOLDER.search(value) or _UUID.fullmatch(value) or _NAMED_THING.search(value):
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


_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
