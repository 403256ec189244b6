"""Events that come with the same fields, written the same way: what that way is, is found out once.

A chatbot logs from a few dozen places, and each of them always sets the same fields. For each such set of names it is
worked out, when it is first seen, which are written as they stand, and which have to be completed first (see
:mod:`turnlog.producers.kinds`). Events that take more thought than that have no layout. The bytes are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any

from turnlog.producers.coerce import UnfitError
from turnlog.producers.encoding.template import Template
from turnlog.producers.encoding.varint import SMALL, SMALL_SET, varint
from turnlog.producers.event import Event
from turnlog.producers.kinds import ALIASES, Fields, Kind, complete_times, incomplete
from turnlog.producers.texts.bounds import Bounds
from turnlog.schemas import EncodeError

_MOST = 512
"""Layouts that are kept; there are more only if names of fields are made up on the way."""

_ELSEWHERE = frozenset({"sequence", "observed_time", "content_state", "sample_weight"})
"""Names of what an event gets from elsewhere, or what has to be checked."""

_TIMES = frozenset({"event_time", "start_time", "duration", "duration_us"})
"""Names of times that somebody says, from which others are worked out."""


class Layout:
    """How events of one kind that come with the same fields are written.

    Args:
        template: Writes their record.
        kind: Completes them.
        texts: Fields that hold texts and are written as they are: the record's names by those that they come with.
        values: Other fields that are written as they are.
        others: Fields that have to be completed.
    """

    def __init__(
        self,
        template: Template,
        kind: Kind,
        texts: Mapping[str, str],
        values: Mapping[str, str],
        others: Mapping[str, str],
    ) -> None:
        self._template = template
        self._kind = kind
        self._parts = template.start()
        template.fill(self._parts, {"content_state": "full"})
        self._texts, self._values, self._others = map(_getter, (texts, values, others))
        self._text_places = [template.place(name) for name in texts.values()]
        self._text_names = {template.place(name): name for name in texts.values()}
        self._text_sizes = [SMALL_SET if template.is_optional(name) else SMALL for name in texts.values()]
        self._value_places = [template.place(name) for name in values.values()]
        self._value_writes = [template.write(name) for name in values.values()]
        self._other_names = list(others.values())
        self._as_they_are = {**texts, **values}
        self._sequence, self._observed_time, self._event_time = map(
            template.place, ("sequence", "observed_time", "event_time")
        )
        self._takes_time = "began" in others
        if self._takes_time:
            self._start_time, self._duration = map(template.place, ("start_time", "duration_us"))
        self._told_times = not _TIMES.isdisjoint(others)

    def encode(self, event: Event, bounds: Bounds) -> bytes:
        """Return an event's message.

        Args:
            event: The event; its fields are left as they are.
            bounds: Cuts it to size.

        Raises:
            EncodeError: If it does not fit its record.
        """
        template, fields, parts = self._template, event.fields, self._parts.copy()
        # All these lists are of one length each; to have that checked takes time.
        for place, sizes, text in zip(self._text_places, self._text_sizes, self._texts(fields)):  # noqa: B905
            try:
                if type(text) is str and text.isascii():
                    parts[place] = sizes[len(text)] + text
                elif text is not None:
                    template.fill(parts, {self._text_names[place]: text})
            except IndexError:  # a longer one than most
                template.fill(parts, {self._text_names[place]: text})
        for place, write, value in zip(self._value_places, self._value_writes, self._values(fields)):  # noqa: B905
            if value is not None:
                try:
                    parts[place] = write(value)
                except (UnfitError, OverflowError) as error:
                    template.misfit(place, value, error)
        others = self._completed(event, parts)
        template.fill(parts, others)
        message = "".join(parts).encode("latin-1")
        # No text is longer than its record, so most need not be looked at.
        if len(message) > bounds.max_bytes:
            record = {name: fields[came] for came, name in self._as_they_are.items() if fields[came] is not None}
            record |= others
            if bounds.apply(self._kind.record, record):
                template.fill(parts, record)
                message = "".join(parts).encode("latin-1")
        return message

    def _completed(self, event: Event, parts: list[str]) -> Fields:
        """Return the fields that had to be completed, but for the times, if those can be written at once."""
        others = {}
        if self._other_names:
            pairs = zip(self._other_names, self._others(event.fields))  # noqa: B905 - as above
            others = {name: value for name, value in pairs if value is not None}
        parts[self._sequence] = varint(event.sequence)
        parts[self._observed_time] = parts[self._event_time] = varint(event.observed_time)
        try:
            if self._told_times:
                others["observed_time"] = event.observed_time
                complete_times(others)
            elif self._takes_time:
                began, measured = others.pop("began")
                parts[self._start_time], parts[self._duration] = varint(began), varint(measured)
            self._kind.complete(others)
        except EncodeError:
            raise
        except Exception as error:  # a caller's objects may do anything when they are looked at
            raise incomplete(self._kind, error) from error
        return others


class Layouts:
    """The layouts of one producer's events; for one thread.

    Args:
        template: Returns the template of a record.
    """

    def __init__(self, template: Callable[[str], Template]) -> None:
        self._template = template
        self._found: dict[tuple[str, ...], Layout | None] = {}

    def of(self, kind: Kind, fields: Fields) -> Layout | None:
        """Return the layout of an event; None if there is none."""
        key = (kind.topic, *fields)
        try:
            return self._found[key]
        except KeyError:
            if len(self._found) >= _MOST:
                self._found.clear()
            found = self._found[key] = layout(self._template(kind.record), kind, fields)
            return found


def layout(template: Template, kind: Kind, names: Iterable[str]) -> Layout | None:
    """Return how events are written that come with fields of these names; None if each takes some thought.

    Args:
        template: Writes their record.
        kind: What they are.
        names: The names of their fields, as they come.
    """
    given = {name: ALIASES.get(name, name) for name in names}
    known = set(given.values())
    if len(known) < len(given) or "event_id" not in known or not _ELSEWHERE.isdisjoint(known):
        return None
    completed = kind.looks_at | {"event_time"}
    if "time_to_first_chunk" in known:
        completed |= {"time_to_first_chunk_us"}
    if "began" in known:
        if not template.knows(("start_time", "duration_us")):
            return None
        completed |= _TIMES | {"began"}
    if not template.knows(known - completed):
        return None
    others = {came: name for came, name in given.items() if name in completed}
    texts = {came: name for came, name in given.items() if came not in others and template.is_text(name)}
    values = {came: name for came, name in given.items() if came not in others and came not in texts}
    return Layout(template, kind, texts, values, others)


def _getter(names: Iterable[str]) -> Callable[[Fields], tuple[Any, ...]]:
    """Return what gets the values of fields, always as a tuple."""
    several = tuple(names)
    if len(several) > 1:
        return itemgetter(*several)
    return lambda fields: tuple(fields[name] for name in several)
