"""Redacts whole records: every text in them, and closed on failure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from turnlog.processors.redaction import json_text
from turnlog.processors.redaction.contracts import Finder, Tokens, TokenSource
from turnlog.processors.redaction.fields import Kind, Part, parts_of
from turnlog.processors.redaction.pseudonyms import USER_DIGITS, canonical_user
from turnlog.processors.redaction.scanner import TOKEN, UNSCANNABLE
from turnlog.processors.redaction.span import Span, apart_from
from turnlog.schemas import Datum

WITHHELD = "<WITHHELD>"
_PATH = re.compile(r"(?P<field>[a-z_]{1,40})(?:\.[a-z_]{1,40}|\[\d{0,6}\])*", re.ASCII)
_REMEMBERED_LENGTH = 64
_REMEMBERED_TEXTS = 20_000
_SUSPICIOUS = "suspicious@example.com"
"""Stands for what could not be read: something is found in it."""


class UnscannableError(Exception):
    """A text could not be scanned within its limits; it is withheld."""


class Redactor:
    """Replaces personal data and secrets in records; not to be used by two threads at once.

    Args:
        scanner: Finds them.
        pseudonyms: Makes the tokens that stand for them.
    """

    def __init__(self, scanner: Finder, pseudonyms: TokenSource) -> None:
        self._scanner = scanner
        self._pseudonyms = pseudonyms
        # Names of services, models, loggers … come again with every record: what was clean once is clean.
        self._clean: set[str] = set()
        # So do the keys and short values of JSON; what they hold is scanned as it stands, not opened once more.
        self._clean_leaves: set[str] = set()

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
        tenant = str(datum.get("tenant_id") or "")
        tokens = self._pseudonyms.at(datum.get("ingest_time"))
        run = _Run(self._scanner, tokens, tenant, self._clean, self._clean_leaves)
        result = dict(datum)
        for part in self._suspects(parts, datum):
            result[part.name] = run.value(part, datum[part.name], part.name)
        for known in (self._clean, self._clean_leaves):
            if len(known) > _REMEMBERED_TEXTS:
                known.clear()
        result["redaction_rules"] = self.version
        result["redaction_hits"] = dict(run.hits)
        result["redaction_withheld"] = [*_withheld_before(datum, parts), *run.withheld]
        if run.withheld:
            result["content_state"] = "withheld"
        return result

    def _suspects(self, parts: Sequence[Part], datum: Datum) -> Iterator[Part]:
        """Yield the parts that could hold something: most don't, and one scan of all texts says so."""
        texts: list[str] = []
        collected: list[tuple[Part, int, int]] = []
        clean = self._clean
        for part in parts:
            value = datum.get(part.name)
            if not value or (part.repeats and len(value) <= _REMEMBERED_LENGTH and value in clean):
                continue
            before = len(texts)
            try:
                _collect(part, value, texts)
            except Exception:  # noqa: BLE001 - whatever it was, the field's own run meets it again and withholds
                del texts[before:]
                texts.append(_SUSPICIOUS)
            collected.append((part, before, len(texts)))
        try:
            found = self._scanner.suspects(texts)
        except Exception:  # noqa: BLE001 - same
            found = [True] * len(texts)
        for part, before, behind in collected:
            if part.kind is Kind.USER or any(found[before:behind]):
                yield part
            elif part.repeats and len(datum[part.name]) <= _REMEMBERED_LENGTH:
                clean.add(datum[part.name])


def _withheld_before(datum: Datum, parts: Sequence[Part]) -> Iterator[str]:
    """Yield paths that the producer withheld itself, those that can only be paths."""
    names = {part.name for part in parts}
    for path in datum.get("redaction_withheld") or ():
        found = _PATH.fullmatch(path)
        if found is not None and found["field"] in names:
            yield path


def _collect(part: Part, value: Any, texts: list[str], name: str = "") -> None:  # noqa: C901 - one branch for each kind
    """Add the texts of a value to a list.

    Raises:
        ValueError: If there is more in it than can be collected.
        RecursionError: If JSON is nested too deep.
    """
    if part.kind is Kind.TEXT:
        if part.structural is None or part.structural.fullmatch(value) is None:
            _collect_text(value, texts, name)
    elif part.kind is Kind.MAP:
        texts += value
        if part.inner is not None:
            for key, each in value.items():
                _collect(part.inner, each, texts, key)
    elif part.kind is Kind.ARRAY:
        texts.extend("".join(pieces) for _, pieces in json_text.runs(value))
        if part.inner is not None:
            for each in value:
                _collect(part.inner, each, texts)
    elif part.kind is Kind.RECORD:
        present = [inner for inner in part.parts if value.get(inner.name)]
        for inner in present:
            _collect(inner, value[inner.name], texts)


def _collect_text(text: str, texts: list[str], name: str) -> None:
    if not json_text.is_json(text):
        texts.append(json_text.labelled(name, text))
        return
    whole = json_text.plain(text)
    if whole is not None:
        texts.append(json_text.labelled(name, whole))
        return
    parsed = json_text.parse(text)
    if parsed is None:
        texts.append(json_text.labelled(name, text))
    elif parsed.lossy:
        raise ValueError("a key stands twice")
    else:
        json_text.collect(parsed.value, texts, name)


class _Run:
    """One record's redaction, value by value."""

    def __init__(
        self, scanner: Finder, pseudonyms: Tokens, tenant: str, clean: set[str], clean_leaves: set[str]
    ) -> None:
        self.hits: Counter[str] = Counter()
        self.withheld: list[str] = []
        self._scan = scanner.scan
        self._pseudonyms = pseudonyms
        self._tenant = tenant
        self._clean = clean
        self._clean_leaves = clean_leaves

    def value(self, part: Part, value: Any, path: str, name: str = "") -> Any:
        """Return a value redacted.

        Args:
            part: What the schema says of it.
            value: The value.
            path: Where it stands, for the list of what was withheld.
            name: The key that it stands under in a map.
        """
        changed: Any
        if value is None:
            changed = None
        elif part.kind is Kind.TEXT:
            changed = self._field(part, value, path, name)
        elif part.kind is Kind.USER:
            changed = self.user(value, path)
        elif part.kind is Kind.MAP:
            changed = self._map(part, value, path)
        elif part.kind is Kind.ARRAY:
            assert part.inner is not None  # arrays without text have no part
            whole = self._healed(value, path) if part.inner.kind is Kind.TEXT else value
            changed = [self.value(part.inner, each, f"{path}[{index}]") for index, each in enumerate(whole)]
        else:
            texts = {
                each.name: self.value(each, value[each.name], f"{path}.{each.name}")
                for each in part.parts
                if each.name in value
            }
            changed = {**value, **texts}
        return changed

    def user(self, value: str, path: str) -> str:
        """Return a user's pseudonym; one that is a pseudonym already stays."""
        if not value or TOKEN.fullmatch(value):
            return value
        try:
            return self._pseudonyms.token("USER", canonical_user(value), self._tenant, USER_DIGITS)
        except Exception:  # noqa: BLE001 - fails closed, whatever it was
            self.withheld.append(path)
            return WITHHELD

    def _field(self, part: Part, value: str, path: str, name: str) -> str:
        if part.structural is not None and part.structural.fullmatch(value):
            return value
        if not part.repeats or len(value) > _REMEMBERED_LENGTH:
            return self._guarded(value, path, name)
        if value in self._clean:
            return value
        changed = self._guarded(value, path, name)
        if changed == value:
            self._clean.add(value)
        return changed

    def _map(self, part: Part, value: Mapping[str, Any], path: str) -> dict[str, Any]:
        # Paths count a map's entries: a key may be what had to be withheld.
        places = [(key, each, f"{path}[{index}]") for index, (key, each) in enumerate(value.items())]
        return json_text.rename(
            (
                self._guarded(key, where, ""),
                each if part.inner is None else self.value(part.inner, each, where, key),
            )
            for key, each, where in places
        )

    def _guarded(self, text: str, path: str, name: str) -> str:
        try:
            parsed = json_text.parse(text)
            if parsed is None:
                return self._text(name, text)
            changed = json_text.transform(parsed.value, self._text, self._cut, name)
            return text if changed == parsed.value and not parsed.lossy else json_text.dump(changed)
        except Exception:  # noqa: BLE001 - fails closed, whatever it was
            self.withheld.append(path)
            return WITHHELD

    def _text(self, name: str, text: str) -> str:
        # The name goes before the text, because it says what a number is; it is scanned, and changed, by itself.
        whole = json_text.labelled(name, text)
        if whole in self._clean_leaves:
            return text
        skip, spans = len(whole) - len(text), self._spans(whole)
        if not spans and len(whole) <= _REMEMBERED_LENGTH:
            self._clean_leaves.add(whole)
        pieces: list[str] = []
        position = 0
        for span in spans:
            start, end = max(span.start - skip, 0), span.end - skip
            if end <= position:
                continue
            pieces += (text[position:start], self._token(span.type, span.rule, span.value or text[start:end]))
            self.hits[span.type] += 1
            position = end
        if not pieces:
            return text
        pieces.append(text[position:])
        return "".join(pieces)

    def _spans(self, text: str) -> Sequence[Span]:
        spans = self._scan(text)
        if spans and spans[0].type == UNSCANNABLE:
            raise UnscannableError("more looks like something than a text may hold")
        return spans

    def _healed(self, values: Sequence[str], path: str) -> Sequence[str]:
        try:
            return json_text.healed(values, self._cut)
        except Exception:  # noqa: BLE001 - fails closed, whatever it was
            self.withheld.append(path)
            return [WITHHELD for _ in values]

    def _cut(self, texts: Sequence[str]) -> Sequence[str]:
        """Replace what begins in one text and ends in a later one; where nothing does, texts stay as they are."""
        bounds = [0, *accumulate(map(len, texts))]
        crossing = [
            span for span in self._spans("".join(texts)) if any(span.start < bound < span.end for bound in bounds[1:-1])
        ]
        if not crossing:
            return texts
        # What is cut out may take along the word that tells what stands next to it: so that is replaced now as well.
        own = [
            span._replace(start=span.start + bound, end=span.end + bound)
            for bound, text in zip(bounds[:-1], texts, strict=True)
            for span in self._spans(text)
        ]
        found = sorted((*crossing, *apart_from(own, [(span.start, span.end) for span in crossing])))
        result = list(texts)
        for span in reversed(found):
            token = self._token(span.type, span.rule, span.value or "".join(texts)[span.start : span.end])
            self.hits[span.type] += 1
            for index in range(len(texts) - 1, -1, -1):
                low, high = max(span.start, bounds[index]), min(span.end, bounds[index + 1])
                if low < high:
                    here = token if low == span.start else ""
                    text, offset = result[index], bounds[index]
                    result[index] = text[: low - offset] + here + text[high - offset :]
        return result

    def _token(self, kind: str, rule: str, value: str) -> str:
        if kind == "SECRET":
            return f"<SECRET:{rule}>"
        return self._pseudonyms.token(kind, value, self._tenant)
