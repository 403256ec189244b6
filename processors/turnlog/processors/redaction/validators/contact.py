"""Checks of mail addresses, telephone numbers and dates."""

from __future__ import annotations

import re
from functools import cache

import phonenumbers

from turnlog.processors.redaction.validators.found import NOT_DIGIT, Found, part


def accept(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - the signature of all validators
    """Take every match as it stands."""
    return Found(part(match))


def email(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take addresses, folded to lower case, with the sign that web addresses spell otherwise."""
    return Found(match.group().replace("%40", "@").casefold())


_AT = re.compile(
    r"[\[({<\s]{1,4}(?:at|@|ät|arroba|arobase|chiocciola|apenstaartje|małpa|собака|klammeraffe)[\])}>\s]{1,4}",
    re.IGNORECASE,
)
_DOT = re.compile(
    r"[\[({<\s]{1,4}(?:dot|\.|punkt|punto|point|ponto|punt|kropka|nokta|точка)[\])}>\s]{1,4}", re.IGNORECASE
)
_HYPHEN = re.compile(r"\s(?:dash|hyphen|minus|underscore|guión|trait d'union)\s", re.IGNORECASE)
_ENDINGS = re.compile(
    r"(?:com|net|org|edu|gov|io|co|ai|app|dev|me|info|biz|eu|uk|de|at|ch|fr|be|nl|es|it|pt|br|mx|ar|pl|tr|ru|in|cn|jp|kr|us|ca"
    r"|au|se|no|dk|fi|cz|gr|ie|za|il|sa|ae|eg)"
)


def spelled_email(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take addresses whose signs are spelled out, with an ending that domains have."""
    value = _DOT.sub(".", _AT.sub("@", part(match), count=1)).casefold().replace(" .", ".")
    value = re.sub(r"\s", "", _HYPHEN.sub("-", value))
    local, _, domain = value.partition("@")
    if not domain or local in _NOT_LOCAL or _ENDINGS.fullmatch(domain.rpartition(".")[2]) is None:
        return None
    return Found(value)


_COMMON_BEFORE_AT = (
    "look looking me us be am is are was were stay arrive meet here there see find found shop available up out work"
    " works address mail email support"
)
_NOT_LOCAL = frozenset(_COMMON_BEFORE_AT.split())


@cache
def _plan(code: int) -> frozenset[int] | None:
    """Return how many digits a country's national numbers may have, or None for a code that no country has."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code)
    if regions is None:
        return None
    lengths: set[int] = set()
    for region in regions:
        metadata = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, region)
        if metadata is not None and metadata.general_desc is not None:
            lengths.update(metadata.general_desc.possible_length)
    return frozenset(lengths)


_EXTENSION = re.compile(r",? ?(?:x|ext\.?|extension|#) ?[0-9]{1,6}$", re.IGNORECASE)


def _without_extension(number: str) -> str:
    # Every way to write one has an x or a number sign in it, which few numbers have.
    return _EXTENSION.sub("", number) if "x" in number or "#" in number or "X" in number else number


def phone_international(match: re.Match[str], text: str) -> Found | None:
    """Take numbers with a country code whose length some country's numbering plan has."""
    start, end = match.span()
    candidate = _without_extension(text[start:end])
    for attempt in range(3):
        number = _e164(candidate)
        if number is not None:
            return Found(number, end if attempt == 0 else start + len(candidate))
        # Two numbers or a number and a year may stand side by side: try without the last group.
        cut = max(candidate.rfind(" "), candidate.rfind("/"))
        if cut < 7:
            return None
        candidate = candidate[:cut].rstrip(" /")
    return None


def _e164(candidate: str) -> str | None:
    digits = NOT_DIGIT.sub("", candidate.replace("(0)", ""))
    if candidate[0] != "+":
        digits = digits.removeprefix("011") if digits.startswith("011") else digits.removeprefix("00")
    for size in (1, 2, 3):
        lengths = _plan(int(digits[:size] or 0)) if digits[:1] != "0" else None
        if lengths is None:
            continue
        national = digits[size:]
        if len(national) in lengths:
            return f"+{digits}"
        if national[:1] == "0" and len(national) - 1 in lengths:
            return f"+{digits[:size]}{national[1:]}"
        return None
    return None


_EPOCH = re.compile(r"1[4-9][0-9]{8}(?:[0-9]{3})?")
"""Seconds or milliseconds since 1970, from 2014 on."""

_DATE = re.compile(
    r"(?:19|20)\d\d[-./ ](?:0?[1-9]|1[0-2])[-./ ](?:0?[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])[-./](?:0?[1-9]|1[0-2])[-./](?:19|20)\d\d"
)


def phone_national(match: re.Match[str], text: str) -> Found | None:
    """Take what has the shape of a number without a country code; the rule asks for a word that says so."""
    candidate = _without_extension(match.group())
    digits = NOT_DIGIT.sub("", candidate)
    if "/" in candidate and not candidate.rpartition("/")[2][2:]:
        return None  # a division
    if _EPOCH.fullmatch(candidate) or not 5 <= len(digits) <= 15 or len(set(digits)) < 2 or _DATE.match(candidate):
        return None
    # Few digits are a telephone number only right behind the word that says so.
    if len(digits) < 7 and _SHORT.search(text, max(0, match.start() - 24), match.start()) is None:
        return None
    return None if _YEARS.fullmatch(candidate) else Found(digits)


_YEARS = re.compile(r"(?:19|20)\d\d ?[-/] ?(?:19|20)\d\d")


_SHORT = re.compile(
    r"(?!.*(?<![A-Za-z])(?:not|no|zip|code|pin|year|room)(?![A-Za-z]))[^\d\n]{0,24}"
    r"(?:[:.#=\"]|[^\x00-\x7f]|(?<![A-Za-z])(?:is|at|on|me|us|to|it|ist|es|est|al|au|ext|unter|lautet|number|numero"
    r"|phone|telephone|tel|call|dial|mobile|cell|fax|hotline|sms|whatsapp|handy|telefon\w*|celular|cep|gsm))\s{0,3}\Z",
    re.IGNORECASE,
)


def phone_shape(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take numbers in a form that hardly anything else has."""
    digits = NOT_DIGIT.sub("", _without_extension(match.group()))
    return Found(digits) if len(set(digits)) > 2 and not _DATE.match(match.group()) else None


_DIGITS = {
    word: str(digit)
    for digit, words in enumerate(
        (
            {"zero", "oh", "o", "null"},
            {"one", "eins"},
            {"two", "zwei"},
            {"three", "drei"},
            {"four", "vier"},
            {"five", "fünf"},
            {"six", "sechs"},
            {"seven", "sieben"},
            {"eight", "acht"},
            {"nine", "neun"},
        )
    )
    for word in words
}
_TIMES = {"double": 2, "triple": 3}


def phone_in_words(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take numbers said digit by digit, but not counting."""
    digits, times = "", 1
    for word in re.findall(r"[^\W\d_]+", part(match).casefold()):
        if word in _TIMES:
            times = _TIMES[word]
        elif word in _DIGITS:
            digits += _DIGITS[word] * times
            times = 1
    counted = digits in "0123456789012" or digits in "9876543210"
    return None if counted or not 7 <= len(digits) <= 16 else Found(digits)


def email_letters(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take addresses with a space behind every letter."""
    value = part(match).replace(" ", "").casefold()
    return Found(value) if re.fullmatch(r"[\w.-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,6}", value) else None


def date(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take dates; digits alone are made of numbers that a day, a month and a year may have."""
    value = part(match)
    numbers = [int(value[:4])] if value.isdigit() else [int(each) for each in re.findall(r"[0-9]+", value)]
    year = max(numbers)
    return Found(part(match)) if 1900 <= year <= 2030 or (year < 100 and len(numbers) == 3) else None
