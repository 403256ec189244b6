"""The file that says what is redacted and how, for everybody and for single tenants.

defaults:
  types: {IP: off, CARD: masked}
  groups: [names]
  allow: {domains: [example.com], values: ["+49 30 901820"], patterns: ["ORD-[0-9]{6}"]}
tenants:
  acme:
    types: {IP: token}
rules:
  badge: {type: BADGE, pattern: "B-[0-9]{5}", examples: ["badge [[B-12345]]"]}
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from turnlog.processors.policies.backtracking import check
from turnlog.processors.policies.custom import CustomRule, custom_rules
from turnlog.schemas import SettingError

GROUPS = ("addresses", "names")
"""Groups of rules that are off unless asked for."""

USER = "USER"
"""What user keys are; they are always tokens."""


def _action(value: object) -> object:
    """Take YAML's on and off, which it reads as true and false, for what they say."""
    return {True: "token", False: "off", "on": "token"}.get(value, value) if isinstance(value, (bool, str)) else value


Action = Annotated[Literal["token", "masked", "label", "off"], BeforeValidator(_action)]
"""What stands in the place of a find: a token, its last signs, its type alone, or it stays."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Allow(_Strict):
    values: list[str] = []
    domains: list[str] = []
    patterns: list[str] = []


class _Policy(_Strict):
    types: dict[str, Action] = {}
    groups: list[Literal["addresses", "names"]] | None = None
    allow: _Allow = Field(default_factory=_Allow)


class _File(_Strict):
    defaults: _Policy = Field(default_factory=_Policy)
    tenants: dict[str, _Policy] = {}
    rules: dict[str, dict[str, Any]] = {}


@dataclass(frozen=True)
class Policy:
    """How one tenant's records are redacted.

    Attributes:
        types: What is done with a type of find; one that is not named gets a token.
        groups: Optional groups of rules that are on.
        values: Finds that stay, in whatever spelling.
        domains: Domains whose mail addresses and URLs stay, those below them too.
        patterns: Finds that one of these matches whole stay; secrets never do.
        rules: Rules of its own.
    """

    types: Mapping[str, str] = field(default_factory=dict)
    groups: frozenset[str] = frozenset()
    values: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    patterns: tuple[re.Pattern[str], ...] = ()
    rules: tuple[CustomRule, ...] = ()


@dataclass(frozen=True)
class Configuration:
    """What a file says.

    Attributes:
        default: How records are redacted whose tenant is not named.
        tenants: How those of named ones are.
        rules: All rules of the file.
        digest: Goes into the stamp of what is redacted by it; empty for no file.
    """

    default: Policy = field(default_factory=Policy)
    tenants: Mapping[str, Policy] = field(default_factory=dict)
    rules: tuple[CustomRule, ...] = ()
    digest: str = ""

    def of(self, tenant: str) -> Policy:
        """Return a tenant's policy."""
        return self.tenants.get(tenant, self.default)


def read(path: Path, known_types: frozenset[str]) -> Configuration:
    """Read a configuration.

    Args:
        path: The YAML file.
        known_types: The types that rules find without it.

    Raises:
        SettingError: If it can't be read or something in it can't be right; says where, in one line.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SettingError(f"TURNLOG_REDACTION: {error.strerror}: {path}") from error
    try:
        return _configuration(raw, known_types)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(each) for each in first["loc"]) or "the file"
        raise SettingError(f"redaction file {path.name}: {where}: {first['msg']}") from error
    except yaml.YAMLError as error:
        raise SettingError(f"redaction file {path.name}: {' '.join(str(error).split())}") from error
    except (ValueError, re.error) as error:
        raise SettingError(f"redaction file {path.name}: {error}") from error


def _configuration(raw: bytes, known_types: frozenset[str]) -> Configuration:
    file = _File.model_validate(yaml.load(raw, _Loader) or {})  # noqa: S506 - a safe loader that refuses double keys
    rules = custom_rules(file.rules)
    tenants = {name for rule in rules for name in rule.tenants or ()}
    types = known_types | {rule.rule.type for rule in rules}
    common = tuple(each for each in rules if each.tenants is None)
    default = _policy("defaults", file.defaults, Policy(), rules=common, types=types)
    return Configuration(
        default,
        {
            name: _policy(
                f"tenants.{name}",
                file.tenants.get(name, _Policy()),
                default,
                rules=tuple(each for each in rules if each.tenants is None or name in each.tenants),
                types=types,
            )
            for name in sorted(tenants | set(file.tenants))
        },
        rules,
        hashlib.sha256(raw).hexdigest()[:8],
    )


def _policy(
    where: str, given: _Policy, base: Policy, *, rules: tuple[CustomRule, ...], types: frozenset[str]
) -> Policy:
    for name, action in given.types.items():
        if name == USER:
            raise ValueError(f"{where}.types.{name}: user keys are always tokens")
        if name not in types:
            raise ValueError(f"{where}.types.{name}: no rule finds that; there are {', '.join(sorted(types))}")
        if name == "SECRET" and action == "masked":
            raise ValueError(f"{where}.types.{name}: a secret can't be masked, for what is left would be part of it")
    for index, pattern in enumerate(given.allow.patterns):
        try:
            check(pattern)
        except ValueError as error:
            raise ValueError(f"{where}.allow.patterns.{index}: {error}") from error
    return Policy(
        {**base.types, **given.types},
        base.groups if given.groups is None else frozenset(given.groups),
        (*base.values, *given.allow.values),
        (*base.domains, *(each.lower().lstrip("@.") for each in given.allow.domains)),
        (*base.patterns, *map(re.compile, given.allow.patterns)),
        rules,
    )


class _Loader(yaml.SafeLoader):
    """A safe loader that refuses a key that stands twice, of which YAML would forget the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.MarkedYAMLError(problem=f"{key} stands twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)
