"""Made-up customers with the personal data that people put into chats. Same seed, same people; none of them exists."""

from dataclasses import dataclass
from random import Random

_FIRST = ("Amira", "Bruno", "Chiara", "Dmitri", "Ebba", "Farid", "Grace", "Hiro", "Ines", "Jonas", "Kavya", "Lars")
_LAST = ("Abel", "Bianchi", "Costa", "Dahl", "Eriksen", "Fischer", "Garcia", "Haas", "Ito", "Jansen", "Kaya", "Lund")
_MAIL = ("example.com", "example.org", "mail.example.net")
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True)
class Customer:
    """Somebody who chats.

    Attributes:
        name: Full name.
        email: Address.
        phone: Number with country code.
        card: Payment card number with a right check digit.
        iban: German account number with right check digits.
        ip: Address of the device.
        token: Something shaped like an API key.
        order: An order number, which is no personal data.
    """

    name: str
    email: str
    phone: str
    card: str
    iban: str
    ip: str
    token: str
    order: str

    @classmethod
    def make(cls, chance: Random) -> "Customer":
        """Make one up."""
        first, last = chance.choice(_FIRST), chance.choice(_LAST)
        return cls(
            name=f"{first} {last}",
            email=f"{first}.{last}{chance.randrange(10, 99)}@{chance.choice(_MAIL)}".lower(),
            phone=f"+49 30 {_digits(chance, 4)} {_digits(chance, 4)}",
            card=_card(chance),
            iban=_iban(chance),
            ip=f"203.0.113.{chance.randrange(1, 255)}",
            token="gh" + "p_" + "".join(chance.choices(_ALPHABET, k=36)),
            order=f"A-{_digits(chance, 6)}",
        )


def _digits(chance: Random, count: int) -> str:
    return str(chance.randrange(1, 10)) + "".join(str(chance.randrange(10)) for _ in range(count - 1))


def _card(chance: Random) -> str:
    """A number of sixteen digits that ends in its check digit by Luhn's algorithm (ISO/IEC 7812-1, annex B)."""
    body = "4" + _digits(chance, 14)
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(body)))
    total = sum(each - 9 if each > 9 else each for each in doubled)
    number = body + str(-total % 10)
    return " ".join(number[start : start + 4] for start in range(0, 16, 4))


def _iban(chance: Random) -> str:
    """A German IBAN with check digits by ISO 7064, mod 97-10."""
    account = _digits(chance, 18)
    check = 98 - int(account + "131400") % 97  # D = 13, E = 14
    return f"DE{check:02}{account}"
