"""Checks that tell a real number from one that only looks like it: checksums, address parsers, numbering plans.

A validator takes a match and its text and returns the canonical value, or None to refuse. The canonical value is what a
pseudonym is made of; two spellings of one number give the same. A validator may also shorten the match.
"""

from __future__ import annotations

from collections.abc import Mapping

from turnlog.processors.redaction.validators import contact, credentials, money, national, network, people
from turnlog.processors.redaction.validators.found import Found, Validator
from turnlog.processors.redaction.validators.standard import stdnum

__all__ = ["Found", "Validator", "accept", "named"]

accept = contact.accept

_VALIDATORS: Mapping[str, Validator] = {
    each.__name__: each
    for each in (
        contact.accept,
        contact.email,
        contact.spelled_email,
        contact.phone_international,
        contact.phone_national,
        contact.phone_shape,
        contact.phone_in_words,
        contact.email_letters,
        contact.date,
        credentials.assigned,
        credentials.secret,
        credentials.not_variable,
        credentials.password,
        credentials.spoken_password,
        credentials.not_placeholder,
        credentials.jwt,
        credentials.username,
        credentials.username_logged,
        credentials.account,
        money.card,
        money.card_said,
        money.iban,
        money.iban_said,
        money.bic,
        money.routing,
        money.bitcoin,
        money.base58_long,
        money.ethereum,
        money.bech32,
        money.ripple,
        money.mixed_address,
        network.ipv4,
        network.ipv6,
        network.mac,
        network.imei,
        network.vin,
        people.name,
        people.name_elsewhere,
        people.listed_name,
        national.luhn,
        national.cn_resident,
        national.de_id_card,
        national.de_social,
        national.de_doctor,
        national.de_health,
        national.fi_hetu,
        national.de_tax_id,
        national.eg_national,
        national.fr_nir,
        national.gb_driver,
        national.gb_nino,
        national.hk_id,
        national.id_nik,
        national.in_aadhaar,
        national.ir_national,
        national.it_fiscal,
        national.jp_my_number,
        national.kr_resident,
        national.au_medicare,
        national.nordic_date,
        national.ru_snils,
        national.se_personal,
        national.sg_nric,
        national.th_national,
        national.tw_national,
        national.us_dea,
        national.us_npi,
        national.us_ssn,
        national.za_id,
        national.digits,
        national.id_said,
    )
}


def named(name: str) -> Validator:
    """Return a validator by its name; ``stdnum:COUNTRY.NUMBER`` is python-stdnum's module of that name.

    Raises:
        KeyError: If there is none.
    """
    return stdnum(name.removeprefix("stdnum:")) if name.startswith("stdnum:") else _VALIDATORS[name]
