"""Detection rules: data in TOML files beside this module, checked when they are loaded.

A file holds rules, each a table under its name, and may hold tables of two other kinds: ``[words.NAME]``, word lists
by language; ``[shapes]``, pieces of patterns that rules refer to as ``{{name}}``. Both are known to all files.
"""

from __future__ import annotations

import hashlib
import re
import sys
import tomllib
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from turnlog.processors.redaction.gate import Expression
from turnlog.processors.redaction.starts import Kind, kind_of, width
from turnlog.processors.redaction.validators import Validator, accept, named
from turnlog.processors.redaction.words import expressions, spelled_pattern
from turnlog.schemas import SettingError

FOLDER = Path(__file__).parent / "rules"
REVISION = 3
"""Raised when the code around the rules changes what they find."""

_EDGES = {
    "none": ("", ""),
    "word": (r"(?<![0-9A-Za-z_])", r"(?![0-9A-Za-z_])"),
    # A number that goes on behind a sign is another number: a decimal, a part of a code, a date.
    "number": (r"(?<![0-9A-Za-z_])(?<![0-9][-.,/:])(?<![$€£¥₹#+])", r"(?![0-9A-Za-z_]|[-.,/:][0-9]|-[A-Za-z])"),
}

_NO_SLUG = r"(?<![A-Za-z]-)"
"""What a number that no word speaks for must not stand behind: it is a part of a name, such as model-20240620-0002."""


@dataclass(frozen=True)
class Rule:
    """How to find one kind of personal data or secret.

    Attributes:
        name: Its own name, unique.
        type: What a hit is; goes into the token.
        subtype: Which kind of its type, such as ``de_tax_id``.
        pattern: The exact expression, without what its edges say. A group named ``it`` is the part to replace, else the
            whole match is.
        gates: Hyperscan expressions over UTF-8 bytes, without look-arounds. The pattern is tried where one of them
            starts to match, and nowhere else. Where a rule names none, its pattern is its gate; but if it has context
            words, they are, and it is tried near them.
        group: Which part of a match is replaced.
        seek: How many characters from there on the pattern may be looked for, if it does not match at once.
        back: How many characters before that place it may start.
        validator: Takes or refuses a match; see :mod:`turnlog.processors.redaction.validators`.
        context: Word lists; where there are any, a word of one must stand near the match.
        alone: Whether a match that is all of a text needs no context: an answer to the question for it.
        unless: Word lists whose words, right before the match, mean something else.
        before: Characters before the match in which its context word may stand.
        after: Characters behind it.
        score: How sure a hit is, 0 to 1.
        option: What must be switched on for the rule to apply; empty for rules that always do.
        examples: Texts that hold a match, with the matches in double brackets: ``call [[+1 415 555 0132]]``.
        counterexamples: Texts that hold none.
        begins: How its matches begin, where that can be told.
        width: How many characters a match has at least and at most.
    """

    name: str
    type: str
    pattern: re.Pattern[str] = field(repr=False)
    gates: Sequence[Expression] = field(repr=False)
    subtype: str = ""
    group: str | int = 0
    seek: int = 0
    back: int = 0
    validator: Validator = field(repr=False, default=accept)
    context: Sequence[str] = ()
    alone: bool = False
    unless: Sequence[str] = ()
    before: int = 48
    after: int = 16
    score: float = 0.9
    option: str = ""
    examples: Sequence[str] = field(repr=False, default=())
    counterexamples: Sequence[str] = field(repr=False, default=())
    begins: Kind | None = field(repr=False, default=None)
    width: tuple[int, int] = (0, sys.maxsize)


@dataclass(frozen=True)
class Ruleset:
    """Rules and their version.

    Attributes:
        rules: The rules.
        version: Stamp of their data and of the code around them, such as ``1-5d41402a``.
        words: The gate expressions of each word list.
    """

    rules: Sequence[Rule]
    version: str
    words: Mapping[str, Sequence[str]] = field(repr=False, default_factory=dict)


@cache
def builtin(options: frozenset[str] = frozenset()) -> Ruleset:
    """Return the rules that ship with turnlog.

    Args:
        options: Which optional ones to have as well: ``names`` (a list of given names), ``addresses`` (streets).
    """
    return load(sorted(FOLDER.glob("*.toml")), options)


def load(paths: Sequence[Path], options: frozenset[str] = frozenset()) -> Ruleset:
    """Read rules from TOML files.

    Args:
        paths: The files.
        options: Which optional rules to have.

    Raises:
        SettingError: If a file can't be read or a rule can't be right; names both.
    """
    digest = hashlib.sha256(" ".join(sorted(options)).encode())
    files: list[tuple[str, dict[str, Any]]] = []
    words: dict[str, Sequence[str]] = {}
    shapes: dict[str, str] = {}
    for path in paths:
        try:
            raw = path.read_bytes()
            tables = tomllib.loads(raw.decode())
            digest.update(raw)
            for name, languages in tables.pop("words", {}).items():
                words[name] = expressions(word for each in languages.values() for word in each)
            shapes |= tables.pop("shapes", {})
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise SettingError(f"rules file {path.name}: {error}") from error
        files.append((path.name, tables))
    rules: dict[str, Rule] = {}
    for file, tables in files:
        for name, table in tables.items():
            if name in rules:
                raise SettingError(f"rules file {file}: there are two rules named {name}")
            try:
                rules[name] = rule_from(name, table, words, shapes)
            except (AttributeError, KeyError, TypeError, ValueError, re.error) as error:
                raise SettingError(f"rules file {file}, rule {name}: {error!r}") from error
    chosen = tuple(each for each in rules.values() if not each.option or each.option in options)
    if not chosen:
        raise SettingError("no redaction rules: nothing would be redacted")
    return Ruleset(chosen, f"{REVISION}-{digest.hexdigest()[:8]}", words)


_KEY_NAMES = (
    "type subtype gate pattern edges seek back ignore_case validator context alone unless before after score option"
    " examples counterexamples"
)
_KEYS = frozenset(_KEY_NAMES.split())


def rule_from(name: str, table: Mapping[str, Any], words: Container[str], shapes: Mapping[str, str]) -> Rule:
    """Return a rule from its table.

    Args:
        name: Its name.
        table: Its keys, as in a rules file.
        words: The names of word lists.
        shapes: Pieces of patterns.

    Raises:
        AttributeError, KeyError, TypeError, ValueError, re.error: If it can't be right.
    """
    unknown = set(table) - _KEYS
    if unknown:
        raise ValueError(f"unknown key {min(unknown)}")
    caseless = bool(table.get("ignore_case"))
    inner = _shaped(str(table["pattern"]), shapes)
    edges = table.get("edges", "word")
    left, right = _EDGES[edges]
    context, unless = _listed(table.get("context")), _listed(table.get("unless"))
    if edges == "number" and not context:
        left += _NO_SLUG
    gates = _listed(table.get("gate")) or (() if context else (_gate_of(inner),))
    for each in (*context, *unless):
        if each not in words:
            raise ValueError(f"no word list {each}")
    pattern = re.compile(f"{left}(?:{inner}){right}", re.IGNORECASE if caseless else 0)
    return Rule(
        name=name,
        type=str(table["type"]),
        subtype=str(table.get("subtype", "")),
        pattern=pattern,
        group="it" if "it" in pattern.groupindex else 0,
        gates=tuple(Expression(spelled_pattern(_shaped(each, shapes)), caseless) for each in gates),
        seek=int(table.get("seek", 0)),
        back=int(table.get("back", 0)),
        validator=named(str(table["validator"])) if "validator" in table else accept,
        context=context,
        alone=bool(table.get("alone")),
        unless=unless,
        before=int(table.get("before", 48)),
        after=int(table.get("after", 16)),
        score=float(table.get("score", 0.9)),
        option=str(table.get("option", "")),
        examples=_joined(table.get("examples")),
        counterexamples=_joined(table.get("counterexamples")),
        begins=kind_of(pattern.pattern, caseless=caseless),
        width=width(pattern.pattern),
    )


def _listed(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(map(str, value))  # type: ignore[call-overload]  # or TypeError


def _shaped(pattern: str, shapes: Mapping[str, str]) -> str:
    """Put shapes, which may be made of shapes, in the place of their names."""
    while (changed := re.sub(r"\{\{(\w+)\}\}", lambda match: shapes[match.group(1)], pattern)) != pattern:
        pattern = changed
    return pattern


def _gate_of(pattern: str) -> str:
    return rf"\b(?:{pattern.replace('(?P<it>', '(?:')})\b"


def _joined(texts: object) -> tuple[str, ...]:
    """Close the joints ``{+}`` in examples, which keep scanners of source code from taking them for somebody's keys."""
    return tuple(each.replace("{+}", "") for each in _listed(texts))
