"""What a policy finds: what the rules and its own find, but for what it allows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from turnlog.processors.policies.configuration import Policy
from turnlog.processors.redaction.rules import Ruleset
from turnlog.processors.redaction.scanner import UNSCANNABLE, Scanner
from turnlog.processors.redaction.span import Span, apart_from, resolve

_WITH_DOMAINS = frozenset({"EMAIL", "URL"})
_HOST = re.compile(r"(?:[a-z][a-z0-9+.-]{0,20}://)?(?:[^/@\s]{0,200}@)?([^/:?#\s]{1,253})")


class PolicyFinder:
    """Finds by rules of turnlog's and of a user's.

    Args:
        shipped: Finds by the rules that ship; may be shared by policies.
        own: Finds by rules of the configuration; None where there are none; may be shared too.
        policy: What stays.
        digest: The configuration's, for the stamp.
    """

    def __init__(self, shipped: Scanner, own: Scanner | None, policy: Policy, digest: str) -> None:
        self._finders = [shipped] if own is None else [shipped, own]
        self._off = frozenset(name for name, action in policy.types.items() if action == "off")
        self._written = _written(policy)
        self._domains = policy.domains
        self._patterns = policy.patterns
        self.ruleset: Ruleset = replace(shipped.ruleset, version=f"{shipped.ruleset.version}+{digest}")
        self._values = {each.casefold() for each in policy.values}
        self._canonical = {pair for each in policy.values for pair in self._spelled(each)}

    def suspects(self, texts: Sequence[str]) -> Sequence[bool]:
        """Tell of each text whether any rule could match in it; False is certain."""
        return [any(each) for each in zip(*(finder.suspects(texts) for finder in self._finders), strict=True)]

    def scan(self, text: str) -> Sequence[Span]:
        """Return what was found and does not stay, in order and without overlaps."""
        for finder in self._finders:
            finder.stays = self._stays
        try:
            return self._found(text)
        finally:
            for finder in self._finders:
                finder.stays = None

    def _found(self, text: str) -> Sequence[Span]:
        found: Sequence[Span] = ()
        for finder in self._finders:
            spans = finder.scan(text)
            if spans and spans[0].type == UNSCANNABLE:
                return spans
            found = resolve([*found, *spans]) if found and spans else found or spans
        if found and self._written is not None and "<" in text:
            found = apart_from(found, [match.span() for match in self._written.finditer(text)])
        return found

    def _stays(self, span: Span, text: str) -> bool:
        if span.type in self._off:
            return True
        found = text[span.start : span.end]
        if found.casefold() in self._values or (span.type, span.value or found) in self._canonical:
            return True
        if span.type == "SECRET":
            return False
        if self._domains and span.type in _WITH_DOMAINS and self._is_own(span.type, (span.value or found).lower()):
            return True
        return any(each.fullmatch(found) for each in self._patterns)

    def _is_own(self, kind: str, value: str) -> bool:
        if kind == "EMAIL":
            host = value.rpartition("@")[2]
        else:
            match = _HOST.match(value)
            host = match[1] if match else ""
        return any(host == each or host.endswith(f".{each}") for each in self._domains)

    def _spelled(self, value: str) -> set[tuple[str, str]]:
        """Return what rules make of a value that stays, so that it stays in any spelling."""
        found = set()
        for text in (value, f"phone: {value}"):
            begin = len(text) - len(value)
            found |= {
                (span.type, span.value or value)
                for span in self._found(text)
                if (span.start, span.end) == (begin, len(text)) and span.type != UNSCANNABLE
            }
        return found


def _written(policy: Policy) -> re.Pattern[str] | None:
    """Return an expression for what the policy writes, tokens aside: found again, it is left alone."""
    kinds = [name for name, action in policy.types.items() if action in ("masked", "label")]
    return re.compile(rf"<(?:{'|'.join(kinds)})(?::\*{{4}}[0-9A-Za-z]{{0,4}})?>") if kinds else None
