"""Follows the schema topic, where producers publish the schemas they write with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from turnlog.processors.tail import Tail
from turnlog.schemas import Schema, SchemaStore, SettingError

RETRY_SECONDS = 3.0
"""How long a fingerprint that nobody has published is taken as unknown before it is looked for again."""


class SchemaReader:
    """Adds published schemas to a store.

    Args:
        tail: The schema topic.
        store: Where they go.
        clock: Monotonic, in seconds.
    """

    def __init__(self, tail: Tail, store: SchemaStore, clock: Callable[[], float]) -> None:
        self._tail = tail
        self._store = store
        self._clock = clock
        self._sought: dict[bytes, float] = {}
        self._lock = asyncio.Lock()

    async def learn(self, fingerprints: Iterable[bytes]) -> None:
        """Read the topic to its end, unless all of these were looked for in the last seconds.

        Raises:
            TransientError: If Kafka does not answer.
        """
        async with self._lock:
            now = self._clock()
            fresh = [each for each in fingerprints if now - self._sought.get(each, -RETRY_SECONDS) >= RETRY_SECONDS]
            if not fresh:
                return
            await asyncio.to_thread(self._read)
            if len(self._sought) > 10_000:
                self._sought.clear()
            self._sought.update(dict.fromkeys(fresh, now))

    def _read(self) -> None:
        for message in self._tail.read_new():
            value = message.value()
            if not value:
                continue
            try:
                self._store.add(Schema.from_json(value))
            except SettingError:
                continue  # not a schema: whoever needs it will say so
