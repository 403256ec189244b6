"""What becomes of an event's texts before they leave the process: captured or not, masked, and cut to size.

Runs in the background thread, on a record's completed fields, before they are encoded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from turnlog.producers.coerce import UnfitError, to_text
from turnlog.producers.kinds import Fields
from turnlog.producers.texts.bounds import Bounds
from turnlog.producers.texts.chat_json import edited, hashed, numbered
from turnlog.producers.texts.content import EVERY_TENANT, Capture, Content
from turnlog.producers.texts.places import ID, Group, Text, TextKind, pairs_in, records_in, texts_in, texts_of
from turnlog.producers.texts.seldom import Seldom

Mask = Callable[[str, TextKind], str]
"""Takes a text and what it is; returns the text to keep. Runs in the background thread. If it raises, or returns what
is no text, that text is withheld whole."""

WITHHELD = "<WITHHELD>"
"""What stands for a text that could not be masked; the processors write the same."""

_CHAT = frozenset({"ModelCall", "Step", "Score"})
_EMPTY: Mapping[str, Any] = {"list": [], "records": [], "map": {}}
_INNER_KINDS: Mapping[str, TextKind] = {"text": "document", "source_ip": "identity"}


class Policies:
    """The policies of all tenants; for one thread.

    Args:
        contents: What is captured, by tenant, ``*`` being all others.
        mask: Masks every text; None for none.
        tenant: Whose data an event is that does not say so itself.

    Attributes:
        only: The policy of all events, if there is but one.
    """

    def __init__(self, contents: Mapping[str, Content], mask: Mask | None, tenant: str) -> None:
        self._others = Policy(contents[EVERY_TENANT], mask)
        self._named = {name: Policy(each, mask) for name, each in contents.items() if name != EVERY_TENANT}
        self.only = None if self._named else self._others
        self._tenant = tenant

    def of(self, fields: Fields) -> Policy:
        """Return the policy for an event."""
        tenant = fields.get("tenant_id") or self._tenant
        try:
            return self._named.get(to_text(tenant), self._others)
        except UnfitError:
            return self._others


class Policy:
    """What becomes of one tenant's texts.

    Args:
        content: What is captured.
        mask: Masks every text that is kept as such.

    Attributes:
        edits: Whether :meth:`edit` has anything to do.
        bounds: Cuts texts to size.
    """

    def __init__(self, content: Content, mask: Mask | None) -> None:
        self.edits = mask is not None or content.capture != "full" or content.logs != "full"
        self.bounds = Bounds(content)
        self._content = content
        self._mask = mask
        self._captures: dict[str | None, Capture] = {"content": content.capture, "logs": content.logs}
        self._texts = cache(self._concerned)
        self._seldom = Seldom()

    def edit(self, record: str, fields: Fields) -> None:
        """Leave out, hash or mask the texts of a record, in place; whatever fails, fails closed."""
        withheld: list[str] = []
        for text in self._texts(record):
            value = fields.get(text.name)
            if value is None:
                continue
            try:
                kept = self._kept(text, value, fields, withheld)
            except UnfitError:
                kept = None  # the encoder would leave it out as well
            except Exception:  # noqa: BLE001 - fails closed, whatever it was
                withheld.append(text.name)
                kept = None if text.shape == "record" else _EMPTY.get(text.shape, WITHHELD)
            if kept is None:
                del fields[text.name]
            else:
                fields[text.name] = kept
        group = "logs" if record == "LogRecord" else "content" if record in _CHAT else None
        if withheld:
            self._seldom.warn(
                "turnlog: texts are withheld, for the mask fails or returns none; the last of a %s", record
            )
            fields["redaction_withheld"] = withheld
            fields["content_state"] = "withheld"
        elif group is not None:
            fields["content_state"] = self._captures[group]

    def _concerned(self, record: str) -> tuple[Text, ...]:
        """Return the fields of a record that this policy has something to do with."""
        if self._mask is not None:
            return texts_of(record)
        return tuple(text for text in texts_of(record) if _group(text, {"data_type": "text"}) is not None)

    def _kept(self, text: Text, value: Any, fields: Fields, withheld: list[str]) -> Any:
        capture = self._captures.get(_group(text, fields), "full")
        if capture == "off":
            return _without_text(text, value) if text.shape == "records" else None
        if capture == "hashed":
            digest = self._content.digest
            if text.shape == "records":
                return [
                    each | {"text": digest(each["text"])} if "text" in each else each
                    for each in records_in(text, value)
                ]
            return hashed(to_text(value), text.shape, digest)
        return value if self._mask is None else _masked(self._mask, text, value, _kind(text, fields), withheld)


def _masked(mask: Mask, text: Text, value: Any, kind: TextKind, withheld: list[str]) -> Any:
    """Return a field's value with every text in it masked."""

    def edit(given: str, told: TextKind, path: str) -> str:
        if not given or (told == "other" and ID.fullmatch(given)):
            return given
        try:
            kept: object = mask(given, told)
        except BaseException:  # noqa: BLE001 - even an exit: the hook is someone's code, the thread is not
            kept = None
        if isinstance(kept, str):
            return str.__str__(kept)
        withheld.append(path)
        return WITHHELD

    name = text.name
    match text.shape:
        case "text":
            return edit(to_text(value), kind, name)
        case "list":
            return [edit(each, kind, f"{name}[{place}]") for place, each in enumerate(texts_in(value))]
        case "map":
            # Paths count a map's entries: a key may be what had to be withheld.
            return numbered(
                (edit(key, kind, f"{name}[{place}]"), edit(each, kind, f"{name}[{place}]"))
                for place, (key, each) in enumerate(pairs_in(value).items())
            )
        case "records" | "record":
            records = []
            for place, each in enumerate(records_in(text, value)):
                path = f"{name}[{place}]" if text.shape == "records" else name
                told = {at: _INNER_KINDS.get(at, "other") for at in text.inner}
                records.append(
                    {at: edit(one, told[at], f"{path}.{at}") if at in told else one for at, one in each.items()}
                )
            return records if text.shape == "records" else records[0]
        case shape:
            return edited(to_text(value), shape, kind, name, edit)


def _group(text: Text, fields: Fields) -> Group | None:
    """Return which capture a field belongs to; a score's label does if it is a text and no category."""
    return "content" if text.name == "label" and fields.get("data_type") == "text" else text.group


def _kind(text: Text, fields: Fields) -> TextKind:
    """Return what a field's texts are: those of a step that ran a tool are the tool's."""
    if fields.get("kind") == "tool" and text.group == "content":
        return "tool_arguments" if text.name == "input" else "tool_result"
    return text.kind


def _without_text(text: Text, value: Any) -> list[Fields]:
    return [{name: each for name, each in record.items() if name != "text"} for record in records_in(text, value)]
