"""Detection rules: data in TOML files beside this module, checked when they are loaded."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from turnlog.processors.redaction.validators import VALIDATORS, Validator, accept
from turnlog.schemas import SettingError

FOLDER = Path(__file__).parent / "rules"
REVISION = 1
"""Raised when the code around the rules changes what they find."""


@dataclass(frozen=True)
class Words:
    """Words that say what a number near them is.

    Attributes:
        pattern: Finds one of them, whole in scripts with spaces between words, anywhere in others.
        gate: Hyperscan expression, caseless in ASCII, that hits wherever the pattern can match.
    """

    pattern: re.Pattern[str] = field(repr=False)
    gate: str = field(repr=False)


@dataclass(frozen=True)
class Rule:
    """How to find one kind of personal data or secret.

    Attributes:
        name: Its own name, unique.
        type: What a hit is; goes into the token.
        gate: Hyperscan expression over UTF-8 bytes that every match makes hit: loose, without look-arounds. Only when
            it hits is the pattern tried.
        pattern: The exact expression. A group named ``it`` is the part to replace, else the whole match is.
        validator: Takes or refuses a match; see :mod:`turnlog.processors.redaction.validators`.
        context: Words by language; where there are any, one must stand near the match.
        unless: Words that, right before the match, mean something else.
        score: How sure a hit is, 0 to 1.
        examples: Texts that hold a match, with the matches in double brackets: ``call [[+1 415 555 0132]]``.
        counterexamples: Texts that hold none.
    """

    name: str
    type: str
    gate: str
    pattern: re.Pattern[str] = field(repr=False)
    validator: Validator = field(repr=False, default=accept)
    context: Words | None = None
    unless: Words | None = None
    score: float = 0.9
    examples: Sequence[str] = field(repr=False, default=())
    counterexamples: Sequence[str] = field(repr=False, default=())


@dataclass(frozen=True)
class Ruleset:
    """Rules and their version.

    Attributes:
        rules: The rules.
        version: Stamp of their data and of the code around them, such as ``1-5d41402a``.
    """

    rules: Sequence[Rule]
    version: str


@cache
def builtin() -> Ruleset:
    """Return the rules that ship with turnlog."""
    return load(sorted(FOLDER.glob("*.toml")))


def load(paths: Sequence[Path]) -> Ruleset:
    """Read rules from TOML files.

    Raises:
        SettingError: If a file can't be read or a rule can't be right; names both.
    """
    digest = hashlib.sha256()
    rules: dict[str, Rule] = {}
    for path in paths:
        try:
            raw = path.read_bytes()
            tables = tomllib.loads(raw.decode())
        except (OSError, ValueError) as error:
            raise SettingError(f"rules file {path.name}: {error}") from error
        digest.update(raw)
        words = tables.pop("words", {})
        for name, table in tables.items():
            if name in rules:
                raise SettingError(f"rules file {path.name}: there are two rules named {name}")
            try:
                rules[name] = _rule(name, table, words)
            except (KeyError, TypeError, ValueError, re.error) as error:
                raise SettingError(f"rules file {path.name}, rule {name}: {error!r}") from error
    if not rules:
        raise SettingError("no redaction rules: nothing would be redacted")
    return Ruleset(tuple(rules.values()), f"{REVISION}-{digest.hexdigest()[:8]}")


def _rule(name: str, table: Mapping[str, Any], words: Mapping[str, Any]) -> Rule:
    unknown = set(table) - _KEYS
    if unknown:
        raise ValueError(f"unknown key {min(unknown)}")
    validator = table.get("validator")
    return Rule(
        name=name,
        type=str(table["type"]),
        gate=str(table["gate"]),
        pattern=re.compile(str(table["pattern"]), re.IGNORECASE if table.get("ignore_case") else 0),
        validator=accept if validator is None else VALIDATORS[validator],
        context=_words(table.get("context"), words),
        unless=_words(table.get("unless"), words),
        score=float(table.get("score", 0.9)),
        examples=tuple(table.get("examples", ())),
        counterexamples=tuple(table.get("counterexamples", ())),
    )


_KEYS = {
    *("type", "gate", "pattern", "ignore_case", "validator", "context", "unless", "score"),
    *("examples", "counterexamples"),
}


def _words(names: str | None, words: Mapping[str, Any]) -> Words | None:
    """Build the expressions of a word list, given as ``{language: [word, …]}``."""
    if names is None:
        return None
    listed = sorted({str(word) for by_language in words[names].values() for word in by_language}, key=len, reverse=True)
    latin = [each for each in listed if each.isascii()]
    spaced = [each for each in listed if not each.isascii() and each[0] < "\u0e00"]
    unspaced = [each for each in listed if each[0] >= "\u0e00"]
    exact = [re.escape(each) for each in unspaced]
    gates = [_bytes_expression(each) for each in unspaced]
    if latin:
        exact.append(rf"(?<![0-9A-Za-z])(?:{'|'.join(map(re.escape, latin))})(?![0-9A-Za-z])")
        gates.append(rf"(^|[^0-9A-Za-z])({'|'.join(map(_bytes_expression, latin))})([^0-9A-Za-z]|$)")
    if spaced:
        exact.append(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, spaced))})(?![^\W_])")
        cases = {variant for each in spaced for variant in (each.lower(), each.upper(), each.capitalize())}
        gates += [_bytes_expression(each) for each in sorted(cases)]
    return Words(re.compile("|".join(exact), re.IGNORECASE), "|".join(gates))


def _bytes_expression(word: str) -> str:
    """Spell a word's UTF-8 bytes, so that the gate needs no Unicode mode, which refuses lone surrogates."""
    return "".join(chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\x{byte:02x}" for byte in word.encode())
