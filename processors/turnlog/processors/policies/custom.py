"""Rules that users write, checked so that they can be no worse than those that ship."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from turnlog.processors.policies.backtracking import check
from turnlog.processors.policies.gate_text import gate_text
from turnlog.processors.redaction.gate import Expression, Gate
from turnlog.processors.redaction.rules import Rule, Ruleset, rule_from
from turnlog.processors.redaction.words import expressions
from turnlog.schemas import SettingError

_KEYS = {
    *("type", "subtype", "pattern", "edges", "ignore_case", "validator", "context", "before", "after", "score"),
    *("examples", "counterexamples", "tenants"),
}

SEEK = 200
"""Characters from where its gate hits in which a rule's match is looked for."""

_NAME = re.compile("[a-z][a-z0-9_]{0,39}")
_TYPE = re.compile("[A-Z][A-Z_]{1,31}")


@dataclass(frozen=True)
class CustomRule:
    """A rule of a user's.

    Attributes:
        rule: The rule.
        words: The gate expressions of the words that must stand near it, by the name of their list.
        tenants: Whose records it is for; None for everybody's.
    """

    rule: Rule
    words: Mapping[str, Sequence[str]]
    tenants: frozenset[str] | None = None


def custom_rules(tables: Mapping[str, Mapping[str, Any]]) -> tuple[CustomRule, ...]:
    """Return the rules of a configuration.

    Args:
        tables: Their keys, by their names.

    Raises:
        ValueError: If one can't be right; names it.
    """
    return tuple(_named(name, table) for name, table in tables.items())


def ruleset_of(rules: tuple[CustomRule, ...], version: str) -> Ruleset:
    """Return these rules by themselves."""
    words = {name: each for rule in rules for name, each in rule.words.items()}
    return Ruleset(tuple(each.rule for each in rules), version, words)


def _named(name: str, table: Mapping[str, Any]) -> CustomRule:
    try:
        return _rule(name, table)
    except KeyError as error:
        raise ValueError(f"rules.{name}: there is no {error.args[0]}") from error
    except (AttributeError, ImportError, TypeError, ValueError, re.error, SettingError) as error:
        raise ValueError(f"rules.{name}: {error}") from error


def _rule(name: str, table: Mapping[str, Any]) -> CustomRule:
    if _NAME.fullmatch(name) is None:
        raise ValueError("a name has small letters, digits and underscores, 40 at most")
    unknown = set(table) - _KEYS
    if unknown:
        raise ValueError(f"unknown key {min(unknown)}; there are {', '.join(sorted(_KEYS))}")
    pattern, kind = str(table["pattern"]), str(table["type"])
    if _TYPE.fullmatch(kind) is None or kind in {"USER", "WITHHELD"}:
        raise ValueError(f"type {kind}: a type has capital letters and underscores, 32 at most")
    for key in ("context", "examples", "counterexamples", "tenants"):
        if not _texts(table.get(key, [])):
            raise ValueError(f"{key} must be a list of texts")
    if not table.get("examples"):
        raise ValueError("a rule needs examples, with what it should find in double brackets: they are its test")
    if not isinstance(table.get("score", 0.9), (int, float)) or not 0 <= table.get("score", 0.9) <= 1:
        raise ValueError("score must be a number from 0 to 1")
    caseless = bool(table.get("ignore_case"))
    check(pattern, caseless=caseless)
    gate = gate_text(pattern)
    Gate([Expression(gate, caseless)])
    words = {f"custom_{name}": expressions(table["context"])} if table.get("context") else {}
    given = {key: value for key, value in table.items() if key != "tenants"}
    rule = rule_from(name, {**given, "gate": gate, "seek": SEEK, "context": list(words)}, words, {})
    return CustomRule(rule, words, frozenset(table["tenants"]) if "tenants" in table else None)


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) and each for each in value)
