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
from turnlog.producers.operations.snapshot import snapshot

Key = tuple[str, str]

_PER_SPAN = 1000
"""Most records that wait for one span."""


class Joiner:
    """Holds what waits for its other half; safe to use from any thread.

    Args:
        tell: Gets each span, once, with the records that belong to it.
        leave: Gets each record whose span did not come, or had been told before.
        most: Spans that wait at one time, and spans that records wait for.
        most_bytes: About how many bytes of records may wait.
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
        most_bytes: int = 32 * 1024 * 1024,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.listening = False
        self.expecting = False
        self.wait = 2.0
        self._tell = tell
        self._leave = leave
        self._most = most
        self._most_bytes = most_bytes
        self._now = now
        self.renew()
        _all.add(self)

    def renew(self) -> None:
        """Start afresh in a forked child: what waited is the parent's to tell, and its lock and timer are not here."""
        self._lock = threading.Lock()
        self._taken = threading.Condition(self._lock)
        self._spans: OrderedDict[Key, tuple[float, Span]] = OrderedDict()
        self._events: OrderedDict[Key, list[tuple[Happening, int]]] = OrderedDict()
        self._bytes = 0
        self._told: OrderedDict[Key, bool] = OrderedDict()
        self._telling = 0
        self._timer: threading.Timer | None = None

    def span(self, span: Span) -> None:
        """Tell of a span, now or when its messages have come; not again of a call that was told of already."""
        key = (span.trace_id, span.span_id)
        operation = operation_of(span.attributes)
        call = operation is not None and operation.what == "call"
        due: list[tuple[Span, Sequence[Happening]]] = []
        with self._lock:
            if call and key in self._told:
                return
            self._spans[key] = (self._now() + self.wait, span)
            if not (call and self._waits(span, key)):
                due.append(self._take(key, remember=call))
            else:
                if len(self._spans) > self._most:
                    due.append(self._take(next(iter(self._spans))))
                self._watch()
        self._hand_out(due, ())

    def event(self, event: Happening) -> None:
        """Keep a record for its span, or tell of the span if this is what it waited for."""
        key = (event.trace_id or "", event.span_id or "")
        size = snapshot([event.attributes, event.body])[1]
        due: list[tuple[Span, Sequence[Happening]]] = []
        left: list[Happening] = []
        with self._lock:
            if self._told.get(key):
                return  # the span had its messages with it: these are the same
            if not self.expecting or key in self._told or len(self._events.get(key, ())) >= _PER_SPAN:
                left.append(event)
            else:
                self._events.setdefault(key, []).append((event, size))
                self._bytes += size
                if key in self._spans and completes((event,)):
                    due.append(self._take(key))
                while len(self._events) > self._most or self._bytes > self._most_bytes:
                    oldest = next(iter(self._events))
                    if oldest in self._spans:
                        due.append(self._take(oldest))
                    else:
                        left += self._events_of(oldest)
        self._hand_out(due, left)

    def _hand_out(self, due: Sequence[tuple[Span, Sequence[Happening]]], left: Sequence[Happening]) -> None:
        """Do without the lock what may take long, or come back here."""
        try:
            for span, said in due:
                self._tell(span, said)
            for each in left:
                self._leave(each)
        finally:
            with self._lock:
                self._telling = max(0, self._telling - len(due))  # a child, forked meanwhile, began from 0
                self._taken.notify_all()

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
        self._hand_out(due, ())

    def settle(self, timeout: float) -> None:
        """Wait until no span waits any longer, at most as long as one does or that many seconds; then tell of all.

        What another thread is telling of meanwhile is waited for as well.
        """
        with self._lock:
            self._taken.wait_for(lambda: not self._spans and not self._telling, min(timeout, self.wait))
        self.flush()

    def flush(self, *, events: bool = False) -> None:
        """Tell of all spans that wait.

        Args:
            events: Whether to give up on the spans that records wait for, too.
        """
        with self._lock:
            due = [self._take(key) for key in list(self._spans)]
            left = [each for key in list(self._events) for each in self._events_of(key)] if events else []
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        self._hand_out(due, left)

    def _waits(self, span: Span, key: Key) -> bool:
        said = (event for event, _ in self._events.get(key, ()))
        return self.listening and not (has_content(span.attributes) or completes(said) or completes(span.events))

    def _take(self, key: Key, *, remember: bool = True) -> tuple[Span, Sequence[Happening]]:
        span, events = self._spans.pop(key)[1], self._events_of(key)
        if remember:
            self._told[key] = has_content(span.attributes)
            if len(self._told) > 4 * self._most:
                self._told.popitem(last=False)
        self._telling += 1
        return span, events

    def _events_of(self, key: Key) -> list[Happening]:
        events = self._events.pop(key, [])
        self._bytes -= sum(size for _, size in events)
        return [event for event, _ in events]

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
