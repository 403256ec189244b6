"""Checks of numbers that states give to people, where python-stdnum has none or asks for more than is on the paper."""

from __future__ import annotations

import datetime as dt
import re

from stdnum import luhn as _luhn
from stdnum import verhoeff

from turnlog.processors.redaction.validators.found import NOT_ALNUM, NOT_DIGIT, Found, part


def _digits(match: re.Match[str]) -> str:
    return NOT_DIGIT.sub("", part(match))


def _found(value: str, right: bool) -> Found | None:
    return Found(value) if right and len(set(value)) > 1 else None


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        dt.date(year, month, day)
    except ValueError:
        return False
    return True


def _is_short_date(digits: str) -> bool:
    """Tell whether six digits, year first, may be a date of either century; 29 February is let pass."""
    return _is_date(2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:6])) or digits[2:6] == "0229"


def digits(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - the signature of all validators
    """Take anything with a digit in it but one digit over and over; the rule asks for a word that says what it is."""
    value = NOT_ALNUM.sub("", part(match)).upper()
    return _found(value, any(map(str.isdigit, value)))


def luhn(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take numbers with a right Luhn checksum."""
    value = _digits(match)
    return _found(value, _luhn.is_valid(value))


def _weighted(value: str, weights: tuple[int, ...], modulus: int) -> int:
    return sum(int(each) * weight for each, weight in zip(value, weights, strict=False)) % modulus


def us_ssn(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take American social security numbers but those that are never given out."""
    value = _digits(match)
    return _found(value, value[:3] not in {"000", "666"} and value[3:5] != "00" and value[5:] != "0000")


def us_npi(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take American health care providers' numbers: Luhn behind the prefix 80840."""
    value = _digits(match)
    return _found(value, value[0] in "12" and _luhn.is_valid(f"80840{value}"))


def us_dea(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take American prescribers' numbers with the right check digit."""
    value = part(match).upper()
    total = sum(map(int, value[2:7:2])) + 2 * sum(map(int, value[3:8:2]))
    return _found(value, total % 10 == int(value[8]))


def gb_nino(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take British national insurance numbers with a prefix that is given out."""
    value = NOT_ALNUM.sub("", part(match)).upper()
    return _found(value, value[:2] not in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})


def gb_driver(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take British driving licences: a surname's letters, then a date of birth that can be."""
    value = part(match).upper()
    month = int(value[6:8])
    return _found(value, (1 <= month <= 12 or 51 <= month <= 62) and 1 <= int(value[8:10]) <= 31)


def fr_nir(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take French social security numbers with the right key (97 minus the remainder)."""
    value = NOT_ALNUM.sub("", part(match)).upper()
    number = value[:13]
    if "A" in number or "B" in number:
        offset = 1_000_000 if "A" in number else 2_000_000
        key = 97 - (int(number.replace("A", "0").replace("B", "0")) - offset) % 97
    else:
        key = 97 - int(number) % 97
    return _found(value, len(value) == 13 or key == int(value[13:]))


def it_fiscal(match: re.Match[str], text: str) -> Found | None:
    """Take Italian fiscal codes: with the right check letter, or said to be one."""
    value = part(match).upper()
    total = sum(_ODD[each] if index % 2 == 0 else _EVEN[each] for index, each in enumerate(value[:15]))
    if chr(65 + total % 26) == value[15]:
        return _found(value, True)
    said = re.search(
        r"fiscale|(?<![A-Za-z])c\.? ?f\.?(?![A-Za-z])", text[max(0, match.start() - 40) : match.start()], re.IGNORECASE
    )
    return _found(value, said is not None)


_EVEN = {**{str(each): each for each in range(10)}, **{chr(65 + each): each for each in range(26)}}
_ODD_VALUES = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_ODD = {
    **{str(each): _ODD_VALUES[each] for each in range(10)},
    **{chr(65 + each): _ODD_VALUES[each] for each in range(26)},
}


def de_id_card(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take German identity cards' and passports' numbers with the right check digit (weights 7, 3, 1)."""
    value = part(match).upper()
    total = sum(int(each, 36) * weight for each, weight in zip(value[:8], (7, 3, 1) * 3, strict=False))
    return Found(value) if total % 10 == int(value[8]) else None


def de_tax_id(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take German tax identities by their check digit (ISO 7064, mod 11,10)."""
    value = _digits(match)
    product = 10
    for each in value[:10]:
        product = (int(each) + product) % 10 or 10
        product = product * 2 % 11
    return _found(value, value[0] != "0" and (11 - product) % 10 == int(value[10]))


def de_social(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take German pension insurance numbers with a date and the right check digit."""
    value = NOT_ALNUM.sub("", part(match)).upper()
    if not (1 <= int(value[2:4]) <= 31 or 51 <= int(value[2:4]) <= 81) or not 1 <= int(value[4:6]) <= 12:
        return None
    number = f"{value[:8]}{ord(value[8]) - 64:02d}{value[9:11]}"
    total = sum(
        sum(divmod(int(each) * weight, 10))
        for each, weight in zip(number, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True)
    )
    return _found(value, total % 10 == int(value[11]))


def de_health(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take German health insurance numbers with the right check digit."""
    value = part(match).upper()
    number = f"{ord(value[0]) - 64:02d}{value[1:9]}"
    total = sum(sum(divmod(int(each) * weight, 10)) for each, weight in zip(number, (1, 2) * 5, strict=True))
    return Found(value) if total % 10 == int(value[9]) else None


def nordic_date(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take numbers that begin with a date, day first."""
    value = _digits(match)
    return _found(value, _is_short_date(value[4:6] + value[2:4] + value[:2]))


def fi_hetu(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take Finnish personal identity codes, with the century signs of 2023 as well, by date and check character."""
    value = part(match).upper()
    dated = _is_short_date(value[4:6] + value[2:4] + value[:2])
    expected = "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(value[:6] + value[7:10]) % 31]
    return _found(value, dated and expected == value[10])


def de_doctor(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take German physicians' numbers with the right check digit."""
    value = _digits(match)
    return _found(value, -_weighted(value[:6], (4, 9, 4, 9, 4, 9), 10) % 10 == int(value[6]))


def se_personal(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take Swedish personal and organisation numbers: a right Luhn checksum of the last ten digits."""
    value = _digits(match)
    if len(value) == 12 and value[:2] not in {"18", "19", "20"}:
        return None
    month, day = int(value[-8:-6]), int(value[-6:-4])
    organisation = month >= 20 and len(value) == 10
    dated = 1 <= month <= 12 and (1 <= day <= 31 or 61 <= day <= 91)
    return _found(value, (organisation or dated) and _luhn.is_valid(value[-10:]))


def cn_resident(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take Chinese resident identities: a date and the right check digit (ISO 7064, mod 11-2)."""
    value = part(match).upper()
    if not _is_date(int(value[6:10]), int(value[10:12]), int(value[12:14])):
        return None
    total = _weighted(value[:17], (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), 11)
    return _found(value, "10X98765432"[total] == value[17])


def hk_id(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take Hong Kong identity cards with the right check digit."""
    value = NOT_ALNUM.sub("", part(match)).upper()
    body, check = value[:-1], value[-1]
    total = sum(int(each, 36) * weight for each, weight in zip(body[::-1], range(2, 10), strict=False))
    total += 36 * 9 if len(body) == 7 else 0
    expected = (11 - total % 11) % 11
    return _found(value, check == ("A" if expected == 10 else str(expected)))


def tw_national(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take Taiwanese identities with the right check digit."""
    value = part(match).upper()
    letter = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(value[0]) + 10
    total = letter // 10 + letter % 10 * 9 + _weighted(value[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1), 10**6)
    return _found(value, total % 10 == 0)


def sg_nric(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take Singaporean identities with the right check letter."""
    value = part(match).upper()
    total = _weighted(value[1:8], (2, 7, 6, 5, 4, 3, 2), 10**6) + {"T": 4, "G": 4, "M": 3}.get(value[0], 0)
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "G": "XWUTRQPNMLK", "M": "KLJNPQRTUWX"}
    remainder = total % 11
    expected = letters[value[0]][10 - remainder] if value[0] == "M" else letters[value[0]][remainder]
    return _found(value, expected == value[8])


def kr_resident(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take Korean registrations: a date and, before October 2020, a check digit, which is not asked for."""
    value = _digits(match)
    return _found(value, _is_short_date(value[:6]))


def jp_my_number(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take Japanese individual numbers with the right check digit."""
    value = _digits(match)
    remainder = _weighted(value[:11], (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2), 11)
    return _found(value, int(value[11]) == (0 if remainder <= 1 else 11 - remainder))


def th_national(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take Thai identities with the right check digit."""
    value = _digits(match)
    total = _weighted(value[:12], (13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2), 11)
    return _found(value, value[0] != "0" and (11 - total) % 10 == int(value[12]))


def id_nik(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take Indonesian identities: a province and a date, women's days plus forty."""
    value = _digits(match)
    day = int(value[6:8])
    dated = (1 <= day <= 31 or 41 <= day <= 71) and 1 <= int(value[8:10]) <= 12
    return _found(value, 11 <= int(value[:2]) <= 96 and dated)


def in_aadhaar(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take Indian Aadhaar numbers with the right Verhoeff check digit."""
    value = _digits(match)
    return _found(value, value[0] not in "01" and value != value[::-1] and verhoeff.is_valid(value))


def ir_national(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take Iranian national codes with the right check digit."""
    value = _digits(match)
    remainder = _weighted(value[:9], tuple(range(10, 1, -1)), 11)
    return _found(value, int(value[9]) == (remainder if remainder < 2 else 11 - remainder))


def eg_national(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take Egyptian identities: a century, a date and a governorate."""
    value = _digits(match)
    dated = value[0] in "23" and _is_short_date(value[1:7])
    return _found(value, dated and (1 <= int(value[7:9]) <= 35 or value[7:9] == "88"))


def za_id(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take South African identities: a date, a citizenship and a right Luhn checksum."""
    value = _digits(match)
    return _found(value, _is_short_date(value[:6]) and value[10] in "012" and _luhn.is_valid(value))


def ru_snils(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take Russian insurance numbers with the right check number."""
    value = _digits(match)
    total = _weighted(value[:9], tuple(range(9, 0, -1)), 10**6)
    check = total if total < 100 else total % 101 % 100
    return _found(value, check == int(value[9:]))


def au_medicare(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take Australian Medicare numbers with the right check digit."""
    value = _digits(match)
    return _found(value, value[0] in "23456" and _weighted(value[:8], (1, 3, 7, 9, 1, 3, 7, 9), 10) == int(value[8]))


def id_said(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take what stands where a number of a person is said to: enough digits, and no date."""
    raw = part(match)
    value = NOT_ALNUM.sub("", raw).upper()
    count = sum(map(str.isdigit, value))
    whole = raw.isalnum() and not raw.isdigit() and len(raw) >= 8
    if not 6 <= len(value) <= 22 or len(set(value)) < 3 or count < (1 if whole else 5 if len(value) > count else 6):
        return None
    return None if _SAID_DATE.fullmatch(raw) else Found(value)


_SAID_DATE = re.compile(
    r"(?:19|20)\d\d[-./ ]\d\d?[-./ ]\d\d?|\d\d?[-./ ]\d\d?[-./ ](?:19|20)\d\d|(?:19|20)\d\d ?[-/] ?(?:19|20)\d\d"
)
