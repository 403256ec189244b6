"""Redacts whole records: every text in them, and closed on failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from turnlog.processors.redaction import json_text
from turnlog.processors.redaction.fields import Kind, Part, parts_of
from turnlog.processors.redaction.pseudonyms import USER_DIGITS, Pseudonyms
from turnlog.processors.redaction.scanner import TOKEN, Scanner
from turnlog.schemas import Datum

WITHHELD = "<WITHHELD>"
_REMEMBERED_LENGTH = 64
_REMEMBERED_TEXTS = 20_000


class Redactor:
    """Replaces personal data and secrets in records; not to be used by two threads at once.

    Args:
        scanner: Finds them.
        pseudonyms: Makes the tokens that stand for them.
    """

    def __init__(self, scanner: Scanner, pseudonyms: Pseudonyms) -> None:
        self._scanner = scanner
        self._pseudonyms = pseudonyms
        self._clean: set[str] = set()

    @property
    def version(self) -> str:
        """The stamp that redacted records carry."""
        return self._scanner.ruleset.version

    def redact(self, datum: Datum, record: str) -> Datum:
        """Return the record with everything found replaced, and with the fields that say so filled in.

        A text that can't be scanned is replaced whole; its path is listed in ``redaction_withheld``.

        Args:
            datum: The record as decoded; not changed.
            record: Its name, such as ``ModelCall``.
        """
        parts = parts_of(record)
        run = _Run(self._scanner, self._pseudonyms, str(datum.get("tenant_id") or ""))
        result = dict(datum)
        if self._may_match(parts, datum):
            for part in parts:
                value = datum.get(part.name)
                if value is not None:
                    result[part.name] = run.value(part, value, part.name)
        elif datum.get("user_key"):
            result["user_key"] = run.user(datum["user_key"], "user_key")
        result["redaction_rules"] = self.version
        result["redaction_hits"] = dict(run.hits)
        result["redaction_withheld"] = run.withheld
        if run.withheld:
            result["content_state"] = "withheld"
        return result

    def _may_match(self, parts: tuple[Part, ...], datum: Datum) -> bool:
        """Tell whether any text of the record could hold something; one scan over all of them joined."""
        try:
            texts = list(self._texts(parts, datum))
            # No expression runs across the zero character: rules that could would only make the answer "maybe".
            if self._scanner.may_match("\0".join(texts)):
                return True
        except Exception:  # noqa: BLE001 - whatever it was, the field by field run meets it again and withholds
            return True
        if len(self._clean) > _REMEMBERED_TEXTS:
            self._clean.clear()
        self._clean.update(
            value
            for part in parts
            if part.repeats and isinstance(value := datum.get(part.name), str) and len(value) <= _REMEMBERED_LENGTH
        )
        return False

    def _texts(self, parts: tuple[Part, ...], values: Mapping[str, Any]) -> Iterator[str]:
        clean = self._clean
        for part in parts:
            value = values.get(part.name)
            if value and not (part.repeats and isinstance(value, str) and value in clean):
                yield from self._texts_in(part, value)

    def _texts_in(self, part: Part, value: Any) -> Iterator[str]:
        if part.kind is Kind.TEXT:
            if part.structural is not None and part.structural.fullmatch(value):
                return
            parsed = json_text.parse(value)
            if isinstance(parsed, str) and parsed is value:
                yield value
            elif json_text.has_repeated(parsed):
                raise ValueError("repeated keys hide values")
            else:
                yield from json_text.leaves(parsed)
        elif part.kind is Kind.RECORD:
            yield from self._texts(part.parts, value)
        elif part.kind is Kind.MAP:
            yield from value
            if part.inner is not None:
                for each in value.values():
                    yield from self._texts_in(part.inner, each)
        elif part.kind is Kind.ARRAY and part.inner is not None:
            for each in value:
                yield from self._texts_in(part.inner, each)


class _Run:
    """One record's redaction, value by value."""

    def __init__(self, scanner: Scanner, pseudonyms: Pseudonyms, tenant: str) -> None:
        self.hits: Counter[str] = Counter()
        self.withheld: list[str] = []
        self._scan = scanner.scan
        self._pseudonyms = pseudonyms
        self._tenant = tenant

    def value(self, part: Part, value: Any, path: str) -> Any:
        if value is None:
            return None
        if part.kind is Kind.TEXT:
            if part.structural is not None and part.structural.fullmatch(value):
                return value
            return self._guarded(value, path)
        if part.kind is Kind.USER:
            return self.user(value, path)
        if part.kind is Kind.RECORD:
            changed = {
                each.name: self.value(each, value.get(each.name), f"{path}.{each.name}")
                for each in part.parts
                if each.name in value
            }
            return {**value, **changed}
        if part.kind is Kind.MAP:
            return self._map(part, value, path)
        assert part.inner is not None  # arrays without text have no part
        return [self.value(part.inner, each, f"{path}[{index}]") for index, each in enumerate(value)]

    def user(self, value: str, path: str) -> str:
        """Return a user's pseudonym; one that is a pseudonym already stays."""
        if not value or TOKEN.fullmatch(value):
            return value
        try:
            canonical = value.strip().casefold()
            return self._pseudonyms.token("USER", canonical, self._tenant, USER_DIGITS)
        except Exception:  # noqa: BLE001 - fails closed, whatever it was
            self.withheld.append(path)
            return WITHHELD

    def _map(self, part: Part, value: Mapping[str, Any], path: str) -> dict[str, Any]:
        changed: dict[str, Any] = {}
        for index, (key, each) in enumerate(value.items()):
            # The path counts entries: a key may be what had to be withheld.
            where = f"{path}[{index}]"
            name, number = self._guarded(key, where), 2
            base = name
            while name in changed:
                name, number = f"{base}#{number}", number + 1
            changed[name] = each if part.inner is None else self.value(part.inner, each, where)
        return changed

    def _guarded(self, text: str, path: str) -> str:
        try:
            parsed = json_text.parse(text)
            if parsed is text:
                return self._text(text)
            changed = json_text.transform(parsed, self._text)
            if changed == parsed and not json_text.has_repeated(parsed):
                return text
            return json_text.dump(changed)
        except Exception:  # noqa: BLE001 - fails closed, whatever it was
            self.withheld.append(path)
            return WITHHELD

    def _text(self, text: str) -> str:
        spans = self._scan(text)
        if not spans:
            return text
        pieces: list[str] = []
        position = 0
        for span in spans:
            pieces.append(text[position : span.start])
            if span.type == "SECRET":
                pieces.append(f"<SECRET:{span.rule}>")
            else:
                value = span.value or text[span.start : span.end]
                pieces.append(self._pseudonyms.token(span.type, value, self._tenant))
            self.hits[span.type] += 1
            position = span.end
        pieces.append(text[position:])
        return "".join(pieces)
