"""Checks of addresses on the net and of devices."""

from __future__ import annotations

import ipaddress
import re
import socket

from turnlog.processors.redaction.validators.found import NOT_ALNUM, NOT_DIGIT, Found, part
from turnlog.processors.redaction.validators.money import luhn


def ipv4(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - the signature of all validators
    """Take IPv4 addresses; those that mean no host are no one's."""
    value = part(match)
    # The library's parser takes four times as long, and logs are full of addresses.
    for octet in value.split("."):
        if len(octet) > 3 or int(octet) > 255 or (octet[0] == "0" and octet != "0"):
            return None
    return None if value == "0.0.0.0" or value.startswith("255.") else Found(value)  # noqa: S104 - compared


def ipv6(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take IPv6 addresses; too short ones are likelier code or a time."""
    candidate = part(match).partition("/")[0].partition("%")[0]
    if sum(letter.isalnum() for letter in candidate) < 4 and candidate != "::1":
        return None
    try:
        # The library's way to write an address that ends as an IPv4 address does is not the system's.
        if "." in candidate:
            return Found(str(ipaddress.IPv6Address(candidate)))
        return Found(socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, candidate)))
    except (ValueError, OSError):
        return None


def mac(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take hardware addresses but those of nobody and everybody."""
    value = NOT_ALNUM.sub("", part(match)).lower()
    return Found(value) if value not in {"0" * 12, "f" * 12} else None


def imei(match: re.Match[str], text: str) -> Found | None:  # noqa: ARG001 - same
    """Take device identities (3GPP TS 23.003) with the right checksum; 14 or 16 digits have none."""
    digits = NOT_DIGIT.sub("", part(match))
    return Found(digits) if len(set(digits)) > 2 and (len(digits) != 15 or luhn(digits)) else None


_VIN_VALUES = {
    **{str(each): each for each in range(10)},
    **dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", (*range(1, 9), *range(1, 6), 7, 9, *range(2, 10)), strict=True)),
}
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def vin(match: re.Match[str], text: str) -> Found | None:
    """Take vehicle identification numbers (ISO 3779): with North America's check digit, or said to be one."""
    value = part(match).upper()
    if len(value) != 17 or not any(map(str.isdigit, value)) or not any(map(str.isalpha, value)):
        return None
    total = sum(_VIN_VALUES[letter] * weight for letter, weight in zip(value, _VIN_WEIGHTS, strict=True)) % 11
    if value[8] == ("X" if total == 10 else str(total)) and len(set(value)) > 5:
        return Found(value)
    return Found(value) if _VIN_SAID.search(text, max(0, match.start() - 32), match.start()) else None


_VIN_SAID = re.compile(
    r"(?<![A-Za-z])(?:vin|chassis|fahrgestellnummer|fin|n[úu]mero de (?:bastidor|chas)|telaio|châssis)(?![A-Za-z])"
    r"|bastidor|chassi|nadwozia|şasi n|кузова|车架号|车辆识别|車台番号|차대번호|الشاسيه|الهيكل|चेसिस",
    re.IGNORECASE,
)
