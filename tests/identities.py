"""Made-up people: values of every type that the redaction rules know, with the checksums that make them real."""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from turnlog.processors.redaction import Scanner, builtin
from turnlog.processors.redaction.examples import marked
from turnlog.processors.redaction.rules import Rule, Ruleset

SHORTEST = 7
"""Characters that a value must have: what is shorter may stand in any text by chance."""

_TRIES = 3000


@dataclass(frozen=True)
class Identity:
    """One value that must not be found again.

    Attributes:
        kind: The rule or generator it comes from.
        value: The value, as it stands in the text.
        text: What somebody might write, with the value in it.
    """

    kind: str
    value: str
    text: str


def identities(count: int, seed: int) -> list[Identity]:
    """Return that many identities, all different: as many of each kind as come out even, the same for the same seed."""
    chance = random.Random(seed)
    kinds = [*_written(chance), *_ruled(chance)]
    chance.shuffle(kinds)
    found: dict[str, Identity] = {}
    for make in islice(cycle(kinds), 20 * count + len(kinds)):
        each = make()
        if each is not None:
            found.setdefault(each.value, each)
        if len(found) == count:
            break
    return list(found.values())


Make = Callable[[], Identity | None]

_SENTENCES = (
    "You can reach me here: {0}, thanks!",
    "Please use {0} from now on.",
    "Meine Angaben: {0} - bitte ändern.",
    "Voici : {0}, s'il vous plaît.",
    "Mis datos son {0}. ¿Vale?",
    "Мои данные: {0}, спасибо.",
    "我的资料是 {0}，谢谢",  # noqa: RUF001 - a comma as it is written there
    "私の情報は {0} です",
    "بياناتي {0} شكرا",
    "मेरी जानकारी {0} है",
    "내 정보는 {0} 입니다",
    "curl -d 'who={0}' | jq .\n",
)


def _written(chance: random.Random) -> Iterator[Make]:
    """Generators of our own, which know nothing of the rules: what they make is found in any sentence."""
    values: dict[str, Callable[[], str]] = {
        "email": lambda: f"{_letters(chance, 9)}.{_letters(chance, 7)}@{_letters(chance, 8)}.com",
        "email_in_url": lambda: f"{_letters(chance, 9)}%40{_letters(chance, 8)}.org",
        "card": lambda: _card(chance),
        "iban_de": lambda: _iban("DE", _digits(chance, 18)),
        "iban_gb": lambda: _iban("GB", "NWBK" + _digits(chance, 14)),
        "phone_us": lambda: f"+1 {chance.choice(('212', '415', '312'))} {_digits(chance, 3, '2')} {_digits(chance, 4)}",
        "phone_de": lambda: f"+49 151 {_digits(chance, 8, '2')}",
        "ipv4": lambda: ".".join(str(chance.randint(100, 199)) for _ in range(4)),
        "ssn": lambda: f"{chance.randint(100, 665)}-{chance.randint(10, 99)}-{chance.randint(1000, 9999)}",
        "aws_key": lambda: "AKIA" + "".join(chance.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=16)),
        "jwt": lambda: ".".join(
            map(_base64, ('{"alg":"HS256"}', f'{{"sub":"{_letters(chance, 12)}"}}', _letters(chance, 32)))
        ),
    }
    said = {"ssn": "My social security number is {0}."}
    for kind, value in values.items():

        def make(kind: str = kind, value: Callable[[], str] = value) -> Identity:
            made = value()
            return Identity(kind, made, said.get(kind, chance.choice(_SENTENCES)).format(made))

        yield make


def _ruled(chance: random.Random) -> Iterator[Make]:
    """One generator for each rule: its own example, with other digits and letters that its validator takes as well."""
    ruleset = builtin()
    for rule in ruleset.rules:
        alone = _Alone(rule, ruleset)
        for example in rule.examples:
            text, values = marked(example)
            if rule.alone and text == values[0]:
                continue  # it is known for what it is where it is all that was said, and not under any name
            if len(values) == 1 and len(values[0]) >= SHORTEST and text.count(values[0]) == 1:
                yield lambda alone=alone, text=text, value=values[0]: alone.like(text, value, chance)  # type: ignore[misc] # bound here, not later


class _Alone:
    """Makes values that one rule finds."""

    def __init__(self, rule: Rule, ruleset: Ruleset) -> None:
        self._name = rule.name
        self._ruleset = Ruleset((rule,), ruleset.version, ruleset.words)
        self._scanner: Scanner | None = None

    def like(self, text: str, value: str, chance: random.Random) -> Identity | None:
        self._scanner = self._scanner or Scanner(self._ruleset)
        before, after = text.split(value)
        letters = sum(map(str.isdigit, value)) < 6
        for _ in range(_TRIES):
            other = "".join(_other(each, letters, chance) for each in value)
            changed = before + other + after
            if [changed[span.start : span.end] for span in self._scanner.scan(changed)] != [other]:
                continue
            # What is known only where a text ends is not planted in the middle of one.
            return Identity(self._name, other, changed) if self._scanner.scan(f"{changed}\n{_MORE}") else None
        return None


_MORE = "And so on."


def _other(letter: str, letters: bool, chance: random.Random) -> str:
    if letter in string.digits:
        return chance.choice(string.digits)
    if letters and letter in string.ascii_lowercase:
        return chance.choice(string.ascii_lowercase)
    if letters and letter in string.ascii_uppercase:
        return chance.choice(string.ascii_uppercase)
    return letter


def _letters(chance: random.Random, count: int) -> str:
    return "".join(chance.choices(string.ascii_lowercase, k=count))


def _digits(chance: random.Random, count: int, first: str = "") -> str:
    return first + "".join(chance.choices(string.digits, k=count - len(first)))


def _card(chance: random.Random) -> str:
    body = _digits(chance, 15, "4")
    doubled = (int(digit) * (2 if index % 2 == 0 else 1) for index, digit in enumerate(reversed(body)))
    check = -sum(number // 10 + number % 10 for number in doubled) % 10
    number = f"{body}{check}"
    return chance.choice((number, " ".join(number[index : index + 4] for index in range(0, 16, 4))))


def _iban(country: str, account: str) -> str:
    rest = int("".join(str(int(each, 36)) for each in f"{account}{country}00")) % 97
    return f"{country}{98 - rest:02}{account}"


def _base64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def kinds(found: Sequence[Identity]) -> set[str]:
    """Return the kinds among identities."""
    return {each.kind for each in found}
