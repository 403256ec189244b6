"""What redaction would make of a text or of records, for people to see before it does."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from turnlog.processors.policies import Configuration, Finders, Policy
from turnlog.processors.policies.replacing import PolicyTokens
from turnlog.processors.redaction import Finder, Redactor, Ruleset, Span, Tokens
from turnlog.processors.redaction.fields import parts_of
from turnlog.schemas import Datum, UserError, raw_topics

_SHOWN = "…"
"""Stands for a token's digits: to show what is found takes no keys."""


class Find(NamedTuple):
    """Something that was found, and what would stand in its place.

    Attributes:
        span: What the rule says of it.
        text: The found text.
        replacement: What would stand there.
    """

    span: Span
    text: str
    replacement: str

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {**self.span._asdict(), "text": self.text, "replacement": self.replacement}


class Preview:
    """Shows what a tenant's policy would do.

    Args:
        configuration: The policies.
        tenant: Whose policy counts, for records too; None for the records' own tenants.
        groups: Optional groups of rules to have as well.

    Raises:
        SettingError: If a rule does not compile.
    """

    def __init__(
        self, configuration: Configuration, tenant: str | None = None, groups: frozenset[str] = frozenset()
    ) -> None:
        self._configuration = configuration
        self._tenant = tenant
        self._groups = groups
        self._finders = Finders(configuration)
        self._recording: dict[str, tuple[_Recording, Redactor]] = {}

    def text(self, text: str) -> list[Find]:
        """Return what would be replaced in a text, in order."""
        policy = self._policy_of(self._tenant or "")
        tokens = PolicyTokens(_NoKeys(), policy.types).at(None)
        return [
            Find(span, found := text[span.start : span.end], _replacement(tokens, span, found))
            for span in self._finders.of(policy).scan(text)
        ]

    def record(self, fields: Mapping[str, Any], record: str | None = None) -> tuple[str, Datum, list[Find]]:
        """Return what a record is, what it would become, and what was found in it; each find once.

        Args:
            fields: Its fields; lists and objects where its schema has a text are taken as JSON.
            record: Its name; by default the one whose texts it has most of.

        Raises:
            UserError: If there is no such record.
        """
        name = record or kind_of(fields)
        if name not in RECORDS:
            raise UserError(f"there is no record {name}; there are {', '.join(RECORDS)}")
        tenant = self._tenant if self._tenant is not None else str(fields.get("tenant_id") or "")
        recording, redactor = self._redactor_of(tenant)
        recording.found.clear()
        redacted = redactor.redact({"tenant_id": tenant, **_as_texts(fields, name)}, name)
        tokens = PolicyTokens(_NoKeys(), self._policy_of(tenant).types).at(None)
        finds = [Find(span, text, _replacement(tokens, span, text)) for (text, _, _), span in recording.found.items()]
        return name, redacted, finds

    def _policy_of(self, tenant: str) -> Policy:
        policy = self._configuration.of(tenant)
        return replace(policy, groups=policy.groups | self._groups)

    def _redactor_of(self, tenant: str) -> tuple[_Recording, Redactor]:
        if tenant not in self._recording:
            policy = self._policy_of(tenant)
            recording = _Recording(self._finders.of(policy))
            self._recording[tenant] = recording, Redactor(recording, PolicyTokens(_NoKeys(), policy.types))
        return self._recording[tenant]


RECORDS = tuple(sorted({topic.record for topic in raw_topics()}))
"""Records that are redacted."""


def kind_of(fields: Mapping[str, Any]) -> str:
    """Return the record whose texts these fields are, most of them."""
    known = Counter({record: sum(part.name in fields for part in parts_of(record)) for record in RECORDS})
    return known.most_common(1)[0][0]


def lines_of(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the objects of JSON lines with their lines' numbers.

    Raises:
        UserError: If a line is none.
    """
    # Not splitlines, which would also end lines at signs that a text in JSON may hold.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            raise UserError(f"line {number} is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise UserError(f"line {number} is no JSON object")
        yield number, value


class _Recording:
    """Remembers what a finder has found."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self.found: dict[tuple[str, str, str], Span] = {}

    @property
    def ruleset(self) -> Ruleset:
        return self._finder.ruleset

    def suspects(self, texts: Sequence[str]) -> Sequence[bool]:
        return self._finder.suspects(texts)

    def scan(self, text: str) -> Sequence[Span]:
        spans = self._finder.scan(text)
        for span in spans:
            found = text[span.start : span.end]
            self.found.setdefault((found, span.type, span.rule), span)
        return spans


class _NoKeys:
    """Writes tokens without digits."""

    def at(self, time_us: int | None) -> Tokens:  # noqa: ARG002 - the contract's
        return self

    def token(self, kind: str, value: str, tenant: str, digits: int = 0) -> str:  # noqa: ARG002 - the contract's
        return f"<{kind}:{_SHOWN}>"


def _replacement(tokens: Tokens, span: Span, text: str) -> str:
    if span.type == "SECRET":
        return f"<SECRET:{span.rule}>"
    if span.type == "WITHHELD":
        return "<WITHHELD>"
    return tokens.token(span.type, span.value or text, "")


def _as_texts(fields: Mapping[str, Any], record: str) -> dict[str, Any]:
    """Return the fields with what is structured where the schema has a text as JSON."""
    texts = {part.name for part in parts_of(record) if part.kind.name in {"TEXT", "USER"}}
    return {
        name: json.dumps(value, ensure_ascii=False)
        if name in texts and value is not None and not isinstance(value, str)
        else value
        for name, value in fields.items()
    }
