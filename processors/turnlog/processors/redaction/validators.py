"""Checks that tell a real number from one that only looks like it: checksums, address parsers, numbering plans.

A validator takes a match and its text and returns the canonical value, or None to refuse. The canonical value is what a
pseudonym is made of; two spellings of one number give the same. A validator may also shorten the match.
"""

from __future__ import annotations

import ipaddress
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

import phonenumbers


class Found(NamedTuple):
    """A match that a validator took.

    Attributes:
        value: Its canonical form.
        end: Index behind its last character, where that is before the match's own.
    """

    value: str
    end: int | None = None


Validator = Callable[["re.Match[str]", str], Found | None]

_NOT_ALNUM = re.compile(r"[^0-9A-Za-z]+")
_NOT_DIGIT = re.compile(r"[^0-9]+")


def accept(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - the signature of all validators
    """Take every match as it stands."""
    return Found(match.group())


def email(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take addresses, folded to lower case."""
    return Found(match.group().casefold())


def luhn(digits: str) -> bool:
    """Check the Luhn checksum (ISO/IEC 7812-1, annex B)."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = ord(digit) - 48
        if index % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


_CARD_NETWORKS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[689]\d)\d{11}"  # Diners Club
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}"  # Discover
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|62\d{14,17}"  # UnionPay
    r"|(?:50|5[6-8]|6[0-9])\d{14}"  # Maestro, RuPay and others of 16 digits
)


def card(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take payment card numbers of known networks with a right checksum."""
    digits = _NOT_DIGIT.sub("", match.group())
    if len(set(digits)) < 2 or _CARD_NETWORKS.fullmatch(digits) is None or not luhn(digits):
        return None
    return Found(digits)


# ISO 13616: length by country, from the SWIFT registry.
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FK FI FO GL NL SD", 19: "MK SI", 20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM SO TL",
        24: "AD CZ DZ ES MD PK RO SA SE SK TN VG YE", 25: "AO CV GW LY MZ PT ST", 26: "IS TR",
        27: "BF BI CF CG CM DJ FR GA GQ GR IT KM MC MG ML MR SM SN TD TG BJ CI NE",
        28: "AL AZ BY CY DO GT HN HU LB NI PL SV MA", 29: "BR EG PS QA UA", 30: "JO KW MU", 31: "MT SC", 32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip


def iban(match: re.Match[str], text: str) -> Found | None:
    """Take account numbers with their country's length and the right checksum (ISO 7064, mod 97-10)."""
    start = match.start()
    length = _IBAN_LENGTHS.get(text[start : start + 2].upper())
    if length is None:
        return None
    end = start
    letters: list[str] = []
    while end < match.end() and len(letters) < length:
        if text[end].isalnum():
            letters.append(text[end].upper())
        end += 1
    if len(letters) < length or (end < len(text) and text[end].isascii() and text[end].isalnum()):
        return None
    rearranged = "".join(letters[4:] + letters[:4])
    if int("".join(str(int(each, 36)) for each in rearranged)) % 97 != 1:
        return None
    return Found("".join(letters), end)


def ipv4(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take IPv4 addresses."""
    try:
        return Found(str(ipaddress.IPv4Address(match.group())))
    except ValueError:
        return None


def ipv6(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take IPv6 addresses; too short ones are likelier code or a time."""
    candidate = match.group()
    if sum(letter.isalnum() for letter in candidate) < 4 and candidate != "::1":
        return None
    try:
        return Found(str(ipaddress.IPv6Address(candidate)))
    except ValueError:
        return None


def phone_international(match: re.Match[str], text: str) -> Found | None:
    """Take numbers with a country code that some country's numbering plan has."""
    candidate = "+" + match.group().lstrip("+").removeprefix("00") if match.group().startswith("00") else match.group()
    end = match.end()
    for _ in range(3):
        try:
            number = phonenumbers.parse(candidate, None)
        except phonenumbers.NumberParseException:
            return None
        whole = end == match.end()
        if phonenumbers.is_valid_number(number) or (whole and phonenumbers.is_possible_number(number)):
            return Found(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), end)
        # Two numbers or a number and a year may stand side by side: try without the last group.
        cut = max(candidate.rfind(" "), candidate.rfind("/"))
        if cut < 7:
            return None
        end -= len(candidate) - cut
        candidate = text[match.start() : end]
    return None


_EPOCH = re.compile(r"1[4-9][0-9]{8}(?:[0-9]{3})?")
"""Seconds or milliseconds since 1970, from 2014 on."""

_DATE = re.compile(
    r"(?:19|20)\d\d[-./ ](?:0?[1-9]|1[0-2])[-./ ](?:0?[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])[-./](?:0?[1-9]|1[0-2])[-./](?:19|20)\d\d"
)


def phone_national(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take what has the shape of a number without a country code; the rule asks for a word that says so."""
    candidate = match.group()
    digits = _NOT_DIGIT.sub("", candidate.partition("x")[0])
    if "/" in candidate and not candidate.rpartition("/")[2][2:]:
        return None  # a division
    if _EPOCH.fullmatch(candidate):
        return None
    if not 5 <= len(digits) <= 15 or len(set(digits)) < 2 or _DATE.match(candidate):
        return None
    return Found(digits)


def secret(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take values that look random: letters and digits mixed, and enough of them different."""
    value = match.group("it")
    if len(set(value)) < 6 or _PLACEHOLDER.search(value):
        return None
    if not (any(each.isdigit() for each in value) and any(each.isalpha() for each in value)):
        return None
    return Found(value) if entropy(value) >= 3.0 else None


def password(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take values that are no placeholder and no reference to a variable."""
    value = match.group("it")
    if len(set(value)) < 4 or _PLACEHOLDER.search(value):
        return None
    return Found(value) if any(not each.isalpha() for each in value) else None


_PLACEHOLDER = re.compile(
    r"^[$%{<(\[]|\$\{|\{\{|x{4,}|\*{3,}|\.{3}|example|placeholder|changeme|your[_-]|<[A-Z]|os\.|process\.|env[.\[]|\(|none$",
    re.IGNORECASE,
)


def entropy(value: str) -> float:
    """Return the Shannon entropy of a text's characters, in bits per character."""
    size = len(value)
    return -sum(count / size * math.log2(count / size) for count in Counter(value).values())


VALIDATORS: Mapping[str, Validator] = {
    "email": email,
    "card": card,
    "iban": iban,
    "ipv4": ipv4,
    "ipv6": ipv6,
    "phone_international": phone_international,
    "phone_national": phone_national,
    "secret": secret,
    "password": password,
}
