"""Events to messages: completes a record, encodes it, and gives it its key and headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from turnlog.producers.coerce import UnfitError, to_json, to_mapping, to_text
from turnlog.producers.delivery.transport import Message
from turnlog.producers.encoding.layout import Layouts
from turnlog.producers.encoding.template import Template
from turnlog.producers.event import Event
from turnlog.producers.ids import Ids
from turnlog.producers.kinds import REPORT, Fields, Kind, complete_times, incomplete, rename
from turnlog.producers.sampling import LeftOutError, Sampler, Sampling, check_weight
from turnlog.producers.texts.content import Contents, by_tenant
from turnlog.producers.texts.policy import Mask, Policies
from turnlog.schemas import EncodeError, Schema, SettingError, load
from turnlog.schemas.codec import SINGLE_OBJECT
from turnlog.schemas.headers import AVRO, CONTENT_TYPE, PRODUCER, TRACEPARENT

_PARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01")
"""A well-formed ``traceparent`` as this client writes it."""

_LONGEST_KEY = 512
"""Bytes; what is longer is cut, for the key comes on top of the largest value that a topic takes."""


class Rules(NamedTuple):
    """What a client's user wants done with events before they leave the process.

    Attributes:
        sampling: Which are kept; None for all.
        content: What is captured of their texts.
        mask: Masks these texts.
    """

    sampling: Sampling | None = None
    content: Contents | None = None
    mask: Mask | None = None

    @classmethod
    def checked(cls, sampling: object, content: Contents | None, mask: object) -> Rules:
        """Return rules made of a client's arguments.

        Raises:
            SettingError: If one of them is none.
        """
        if sampling is not None and not isinstance(sampling, Sampling):
            raise SettingError(f"sampling must be a Sampling, not {type(sampling).__name__}")
        if mask is not None and not callable(mask):
            raise SettingError(f"mask must be something to call, not {type(mask).__name__}")
        return cls(sampling, by_tenant(content), mask)


class Packer:
    """Makes messages of one producer's events.

    Args:
        fixed: Common fields that are the same in all its events, ``producer_id`` among them.
        ids: Makes ids of events that have none yet.
        rules: What is done with them on the way.
    """

    def __init__(self, fixed: Mapping[str, Any], ids: Ids, rules: Rules | None = None) -> None:
        rules = rules or Rules()
        tenant = str(fixed.get("tenant_id"))
        self.producer_id = str(fixed["producer_id"])
        self._fixed = fixed
        self._ids = ids
        self._sampler = Sampler(rules.sampling, tenant) if rules.sampling and rules.sampling.active else None
        self._policies = Policies(by_tenant(rules.content), rules.mask, tenant)
        self._templates: dict[str, Template] = {}
        self._layouts = Layouts(self.template)
        # Who samples or edits looks at all of an event's fields by name: then there is no quick way.
        policy = self._policies.only
        self._bounds = policy.bounds if policy and not policy.edits and self._sampler is None else None
        self._content_type = (CONTENT_TYPE, AVRO)
        self._origin = f"{self.producer_id}:"

    def pack(self, event: Event) -> Message:
        """Return the event's message.

        Raises:
            EncodeError: If the event does not fit its record.
            LeftOutError: If the event is not in the sample.
        """
        sequence, kind, fields, _, _ = event
        layout = self._layouts.of(kind, fields) if self._bounds is not None else None
        if layout is not None and self._bounds is not None:
            value = layout.encode(event, self._bounds)
        else:
            fields = self._completed(event)
            value = self._encoded(kind, fields)
        headers = [(PRODUCER, f"{self._origin}{sequence}".encode()), self._content_type]
        trace_id, span_id = fields.get("trace_id"), fields.get("span_id") or fields.get("parent_span_id")
        if type(trace_id) is str and type(span_id) is str:
            parent = f"00-{trace_id}-{span_id}-01"
            if _PARENT.fullmatch(parent):
                headers.append((TRACEPARENT, parent.encode()))
        return tuple.__new__(Message, (kind.topic, self._key(kind, fields), value, headers))  # in half the time

    def _completed(self, event: Event) -> Fields:
        """Return an event's fields as its record has them."""
        kind = event.kind
        fields = rename(event.fields)
        fields["sequence"] = event.sequence
        fields["observed_time"] = event.observed_time
        if "event_id" not in fields:
            fields["event_id"] = self._ids.event()
        try:
            complete_times(fields)
            if self._sampler is not None:
                self._sampler.weigh(kind, fields)
            kind.complete(fields)
        except (EncodeError, LeftOutError):
            raise
        except Exception as error:  # a caller's objects may do anything when they are looked at
            raise incomplete(kind, error) from error
        fields["content_state"] = "full"
        template = self.template(kind.record)
        if not template.knows(fields):
            _set_aside(template, fields)
        return fields

    def _encoded(self, kind: Kind, fields: Fields) -> bytes:
        if "sample_weight" in fields:
            check_weight(fields)
        policy = self._policies.only or self._policies.of(fields)
        if policy.edits and kind is not REPORT:
            policy.edit(kind.record, fields)
        template = self.template(kind.record)
        value = template.encode(fields)
        # No text is longer than its record, so most need not be looked at.
        if len(value) > policy.bounds.max_bytes and policy.bounds.apply(kind.record, fields):
            value = template.encode(fields)
        return value

    def template(self, record: str) -> Template:
        """Return the record's template, made at first use."""
        template = self._templates.get(record)
        if template is None:
            schema = load(record)
            template = self._templates[record] = Template(schema, SINGLE_OBJECT + schema.fingerprint, self._fixed)
        return template

    def _key(self, kind: Kind, fields: Fields) -> bytes:
        for name in kind.key:
            value = fields.get(name) or self._fixed.get(name)
            if value:
                break
        else:
            value = fields["event_id"]
        try:
            return (value if type(value) is str else to_text(value)).encode("utf-8", "replace")[:_LONGEST_KEY]
        except UnfitError:
            return b""


def schema_message(schema: Schema) -> Message:
    """Return the message that makes a schema known to readers."""
    return Message("schemas", schema.fingerprint.hex().encode(), schema.to_json().encode(), [])


def _set_aside(template: Template, fields: Fields) -> None:
    """Move what the record has no field for to its attributes."""
    extra = {name: fields.pop(name) for name in list(fields) if not template.knows({name: None})}
    try:
        attributes = dict(to_mapping(fields.get("attributes") or {}))
    except UnfitError:
        attributes = {}
    for name, value in extra.items():
        attributes.setdefault(name, value if isinstance(value, str) else to_json(value))
    fields["attributes"] = attributes
