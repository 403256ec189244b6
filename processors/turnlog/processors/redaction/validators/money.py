"""Checks of numbers that money moves by."""

from __future__ import annotations

import hashlib
import re
from functools import cache

from turnlog.processors.redaction.validators.found import NOT_ALNUM, NOT_DIGIT, Found, part

_DOUBLED = str.maketrans("0123456789", "0246813579")
"""What the Luhn checksum takes a digit for that counts double: the sum of its double's digits."""


def luhn(digits: str) -> bool:
    """Check the Luhn checksum (ISO/IEC 7812-1, annex B)."""
    # A sum over bytes is quick; each is a digit and 48.
    total = sum(digits[-1::-2].encode()) + sum(digits[-2::-2].translate(_DOUBLED).encode()) - 48 * len(digits)
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
    r"|220[0-4]\d{12}|9792\d{12}"  # Mir, Troy
)
_CARD_LENGTHS = range(12, 20)


def card(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - the signature of all validators
    """Take payment card numbers of known networks with a right checksum."""
    digits = NOT_DIGIT.sub("", match.group())
    if len(set(digits)) < 2 or _CARD_NETWORKS.fullmatch(digits) is None or not luhn(digits):
        return None
    return Found(digits)


def card_said(match: re.Match[str], text: str) -> Found | None:
    """Take what is said to be a card's number: the checksum of any network's, or a known network's form mistyped."""
    digits = NOT_DIGIT.sub("", part(match))
    if len(digits) not in _CARD_LENGTHS or len(set(digits)) < 3:
        return None
    if luhn(digits):
        return Found(digits)
    before = text[max(0, match.start() - 48) : match.start()].casefold()
    return Found(digits) if _CARD_NETWORKS.fullmatch(digits) and _SURELY.search(before) else None


_SURELY = re.compile(
    r"credit ?card|debit ?card|card (?:number|no)|kreditkarte|kartennummer|carte bancaire|tarjeta de cr"
)


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


@cache
def _letters(count: int) -> re.Pattern[str]:
    return re.compile(f"(?:[^0-9A-Za-z]*[0-9A-Za-z]){{{count}}}")


_LETTER_NUMBERS = {ord(letter): str(int(letter, 36)) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def iban(match: re.Match[str], text: str) -> Found | None:
    """Take account numbers with their country's length and the right checksum (ISO 7064, mod 97-10)."""
    start, end = match.span()
    candidate = text[start:end].upper()
    length = _IBAN_LENGTHS.get(candidate[:2])
    letters = NOT_ALNUM.sub("", candidate)
    if length is None or len(letters) < length:
        return None
    if len(letters) > length:
        # A word or a number stands behind it.
        letters = letters[:length]
        shorter = _letters(length).match(text, start)
        end = shorter.end() if shorter is not None else end
        if text[end : end + 1].isascii() and text[end : end + 1].isalnum():
            return None
    if int((letters[4:] + letters[:4]).translate(_LETTER_NUMBERS)) % 97 != 1:
        return None
    return Found(letters, end)


def iban_said(match: re.Match[str], text: str) -> Found | None:
    """Take what is said to be an account number: of a country's length, whatever its checksum."""
    letters = NOT_ALNUM.sub("", part(match)).upper()
    length = _IBAN_LENGTHS.get(letters[:2])
    if length is None or len(letters) < length or len(set(letters[2:])) < 3:
        return None
    # What follows may be the next word.
    start, stop = match.span("it")
    whole = _letters(length).match(text, start, stop)
    if whole is None or text[whole.end() : min(whole.end() + 1, stop)].isalnum():
        return None
    return Found(letters[:length], whole.end())


_ISO_3166 = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY "
    "BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK "
    "FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR "
    "IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK "
    "ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM "
    "PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF "
    "TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW "
)
_COUNTRIES = frozenset(_ISO_3166.split())


def bic(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take bank identifiers (ISO 9362) of a country that exists."""
    value = part(match)
    return Found(value.upper()) if value[4:6].upper() in _COUNTRIES else None


def routing(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take routing numbers of American banks with the right checksum and a Federal Reserve district."""
    digits = NOT_DIGIT.sub("", part(match))
    district = int(digits[:2])
    if len(digits) != 9 or not (district <= 12 or 21 <= district <= 32 or 61 <= district <= 72 or district == 80):
        return None
    total = sum(int(digit) * weight for digit, weight in zip(digits, (3, 7, 1) * 3, strict=True))
    return Found(digits) if total % 10 == 0 and total else None


_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE58_VALUES = {letter: value for value, letter in enumerate(_BASE58)}
_BECH32_VALUES = {letter: value for value, letter in enumerate("qpzry9x8gf2tvdw0s3jn54khce6mua7l")}
_BECH32_ENDINGS = (1, 0x2BC830A3)


def bitcoin(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take addresses with Base58Check's checksum (Bitcoin, Litecoin, Dogecoin, Tron …) or Bech32 (BIP 173, 350)."""
    value = part(match)
    head, separator, tail = value.lower().rpartition("1")
    if separator and head in {"bc", "tb", "ltc", "addr"}:
        return Found(value.lower()) if _bech32(head, tail) else None
    return Found(value) if _base58(value) else None


def bech32(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take addresses with Bech32's checksum (BIP 173, 350), whatever their prefix."""
    value = part(match)
    head, _, tail = value.rpartition("1")
    return Found(value) if _bech32(head, tail) else None


_RIPPLE = str.maketrans("rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz", _BASE58)


def ripple(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take Ripple's addresses: Base58Check in an alphabet of another order."""
    value = part(match)
    return Found(value) if _base58(value.translate(_RIPPLE)) else None


def mixed_address(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take addresses without a checksum that is looked at: many different signs, digits among them."""
    value = part(match)
    return Found(value) if len(set(value)) > 15 and any(map(str.isdigit, value)) else None


def _base58(value: str) -> bool:
    number = 0
    for letter in value:
        if letter not in _BASE58_VALUES:
            return False
        number = number * 58 + _BASE58_VALUES[letter]
    if number >= 1 << 208:
        return False
    # Zcash has a version of two bytes, the others of one.
    payload = number.to_bytes(26 if number >= 1 << 200 else 25, "big")
    return hashlib.sha256(hashlib.sha256(payload[:-4]).digest()).digest()[:4] == payload[-4:]


def _bech32(head: str, tail: str) -> bool:
    values = [ord(each) >> 5 for each in head] + [0] + [ord(each) & 31 for each in head]
    for letter in tail:
        if letter not in _BECH32_VALUES:
            return False
        values.append(_BECH32_VALUES[letter])
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, factor in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= factor if top >> bit & 1 else 0
    return check in _BECH32_ENDINGS


def base58_long(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take what is Base58 and mixed enough to be an address without a checksum that can be told (Solana, Monero)."""
    value = part(match)
    kinds = (any(map(str.islower, value)), any(map(str.isupper, value)), any(map(str.isdigit, value)))
    return Found(value) if all(kinds) and len(set(value)) > 15 else None


def ethereum(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take Ethereum addresses; a filler of few digits is none. Its mixed-case checksum is optional (EIP-55)."""
    value = part(match).lower()
    return Found(value) if len(set(value[2:])) > 6 else None
