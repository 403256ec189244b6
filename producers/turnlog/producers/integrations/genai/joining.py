"""Joins a call's span with the log records that hold its messages: some instrumentations put them there.

Both come in any order, for they go through processors of their own. Records that come first wait for their span; the
span of a call without messages waits a moment for them. What waits is bounded, and nothing that waits is dropped: a
span goes on without its messages, and messages without their span are log lines.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from weakref import WeakSet

from turnlog.producers.integrations.genai.content import completes, has_content
from turnlog.producers.integrations.genai.operation import operation_of
from turnlog.producers.integrations.genai.values import Happening, Span

Key = tuple[str, str]

_PER_SPAN = 1000
"""Most records that wait for one span."""


class Joiner:
    """Holds what waits for its other half; safe to use from any thread.

    Args:
        tell: Gets each span, once, with the records that belong to it.
        leave: Gets each record whose span did not come, or had been told before.
        most: Spans that wait at one time, and spans that records wait for.
        now: Seconds on a clock that never goes back.

    Attributes:
        listening: Whether records can come at all; if not, no span waits.
        expecting: Whether spans can come at all.
        wait: Seconds that a span waits for its messages.
    """

    def __init__(
        self,
        tell: Callable[[Span, Sequence[Happening]], None],
        leave: Callable[[Happening], None],
        *,
        most: int = 1000,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.listening = False
        self.expecting = False
        self.wait = 2.0
        self._tell = tell
        self._leave = leave
        self._most = most
        self._now = now
        self.renew()
        _all.add(self)

    def renew(self) -> None:
        """Start afresh in a forked child: what waited is the parent's to tell, and its lock and timer are not here."""
        self._lock = threading.Lock()
        self._taken = threading.Condition(self._lock)
        self._spans: OrderedDict[Key, tuple[float, Span]] = OrderedDict()
        self._events: OrderedDict[Key, list[Happening]] = OrderedDict()
        self._told: OrderedDict[Key, None] = OrderedDict()
        self._timer: threading.Timer | None = None

    def span(self, span: Span) -> None:
        """Tell of a span, now or when its messages have come."""
        key = (span.trace_id, span.span_id)
        with self._lock:
            events = self._events.pop(key, [])
            due = []
            if self._waits(span, events):
                if events:
                    self._events[key] = events
                self._spans[key] = (self._now() + self.wait, span)
                if len(self._spans) > self._most:
                    due.append(self._take(next(iter(self._spans))))
                self._watch()
            else:
                due.append((span, events))
                self._remember(key)
        for each, said in due:
            self._tell(each, said)

    def event(self, event: Happening) -> None:
        """Keep a record for its span, or tell of the span if this is what it waited for."""
        key = (event.trace_id or "", event.span_id or "")
        due: list[tuple[Span, Sequence[Happening]]] = []
        left: list[Happening] = []
        with self._lock:
            events = self._events.setdefault(key, [])
            if not self.expecting or key in self._told or len(events) >= _PER_SPAN:
                left.append(event)
                if not events:
                    del self._events[key]
            else:
                events.append(event)
                if key in self._spans and completes((event,)):
                    due.append(self._take(key))
                elif len(self._events) > self._most:
                    left += self._events.popitem(last=False)[1]
        for span, said in due:
            self._tell(span, said)
        for each in left:
            self._leave(each)

    def expire(self) -> None:
        """Tell of the spans that have waited long enough."""
        due = []
        with self._lock:
            self._timer = None
            now = self._now()
            while self._spans and next(iter(self._spans.values()))[0] <= now:
                due.append(self._take(next(iter(self._spans))))
            if self._spans:
                self._watch()
        for span, said in due:
            self._tell(span, said)

    def settle(self, timeout: float) -> None:
        """Wait until no span waits any longer, at most as long as one does or that many seconds; then tell of all."""
        with self._lock:
            self._taken.wait_for(lambda: not self._spans, min(timeout, self.wait))
        self.flush()

    def flush(self, *, events: bool = False) -> None:
        """Tell of all spans that wait.

        Args:
            events: Whether to give up on the spans that records wait for, too.
        """
        with self._lock:
            due = [self._take(key) for key in list(self._spans)]
            left = [each for said in self._events.values() for each in said] if events else []
            if events:
                self._events.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        for span, said in due:
            self._tell(span, said)
        for each in left:
            self._leave(each)

    def _waits(self, span: Span, events: Sequence[Happening]) -> bool:
        if not self.listening or completes(events) or completes(span.events) or has_content(span.attributes):
            return False
        operation = operation_of(span.attributes)
        return operation is not None and operation.what == "call"

    def _take(self, key: Key) -> tuple[Span, Sequence[Happening]]:
        self._remember(key)
        self._taken.notify_all()
        return self._spans.pop(key)[1], self._events.pop(key, [])

    def _remember(self, key: Key) -> None:
        self._told[key] = None
        if len(self._told) > 4 * self._most:
            self._told.popitem(last=False)

    def _watch(self) -> None:
        if self._timer is None:
            timer = threading.Timer(self.wait, self.expire)
            timer.daemon = True
            try:
                timer.start()
            except RuntimeError:  # no more threads, or the interpreter is ending: a flush or the next span sees to it
                return
            self._timer = timer


_all: WeakSet[Joiner] = WeakSet()


def _renew_all() -> None:
    for joiner in tuple(_all):
        joiner.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
