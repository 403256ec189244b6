"""Keeps the catalogue up to date: what a client registered before a call is there when the call is joined."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from confluent_kafka import Message

from turnlog.processors.batch import RawRecord
from turnlog.processors.tail import Tail
from turnlog.schemas import Datum, PoisonError

READ_ONCE = 500
"""Entries taken in before the event loop gets its turn."""


class CatalogueReader:
    """Follows the topics of model versions and deployments.

    The clean topics are kept for ever; the raw ones hold what was registered a moment ago and may not be refined yet.
    Both are read, and raw entries are redacted here as the stage does it: an entry that comes twice changes nothing.

    Args:
        tail: The topics.
        read: How to read an entry, by topic; raises PoisonError on what is none.
        put: What takes the entry, by topic.
        clock: Monotonic, in seconds.
    """

    def __init__(
        self,
        tail: Tail,
        read: Mapping[str, Callable[[RawRecord], Datum]],
        put: Mapping[str, Callable[[Datum], object]],
        clock: Callable[[], float],
    ) -> None:
        self._tail = tail
        self._read = read
        self._put = put
        self._clock = clock
        self._current_at = float("-inf")
        self._lock = asyncio.Lock()

    async def catch_up(self, since: float) -> None:
        """Read to the ends that the topics had at that moment or later; costs nothing if that was done already.

        Args:
            since: A moment on the clock.

        Raises:
            TransientError: If Kafka does not answer.
        """
        async with self._lock:
            if self._current_at >= since:
                return
            began = self._clock()
            messages = await asyncio.to_thread(lambda: list(self._tail.read_new()))
            for index, message in enumerate(messages):
                if index and index % READ_ONCE == 0:
                    await asyncio.sleep(0)
                self._take(message)
            self._current_at = began

    def _take(self, message: Message) -> None:
        topic = str(message.topic())
        record = RawRecord(int(message.offset() or 0), message.timestamp()[1], None, _bytes(message.value()))
        if record.value is None:
            return
        try:
            self._put[topic](self._read[topic](record))
        except PoisonError:
            return  # the stage dead-letters it


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
