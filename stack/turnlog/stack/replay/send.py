"""Hands chats to the client, no faster than it can send them."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from turnlog.producers import Client, Result
from turnlog.stack.replay.calls import CallOfChat, Timing, calls_of
from turnlog.stack.replay.chat import BadLineError, Chat, parse_chat
from turnlog.stack.replay.lines import Line
from turnlog.stack.replay.pace import Pace

_MOST_EVENTS = 10_000
_MOST_BYTES = 24 * 1024 * 1024
_PAUSE_SECONDS = 0.002
_STUCK_SECONDS = 60.0


@dataclass(frozen=True)
class Progress:
    """How far a replay is.

    Attributes:
        position: How much of the file has been read in this round, in bytes on disk.
        calls: How many calls were handed over in all.
    """

    position: int
    calls: int


@dataclass(frozen=True)
class Summary:
    """What a replay came to.

    Attributes:
        chats: Chats handed over.
        calls: Calls in them.
        bad: Lines that were skipped.
        timings: How many calls have their duration from where.
        result: What became of the calls.
        seconds: How long it took.
    """

    chats: int
    calls: int
    bad: int
    timings: Mapping[Timing, int]
    result: Result
    seconds: float

    @property
    def complete(self) -> bool:
        """Whether every line was a chat and every call arrived in Kafka."""
        return not self.bad and self.result.complete


@dataclass
class Replay:
    """Replays lines through a client.

    Args:
        client: Through which; it is closed at the end.
        pace: How fast.
        complain: Told of each line that is skipped: its number, and why.
        watch: Told how far it is, after each line.
        now: The time of day.
        monotonic: Seconds on a clock that never goes back.
        sleep: Blocks for some seconds.
    """

    client: Client
    pace: Pace
    complain: Callable[[int, str], None]
    watch: Callable[[Progress], None]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _chats: int = 0
    _calls: int = 0
    _bad: int = 0
    _timings: dict[Timing, int] = field(default_factory=dict)
    _sizes: deque[int] = field(default_factory=deque)
    _bytes: int = 0

    def __post_init__(self) -> None:
        """Start the clock."""
        self._began = self.monotonic()

    def run(self, lines: Iterable[Line], suffix: str = "") -> None:
        """Send the chats in these lines; blocks while the client has enough to do.

        Args:
            lines: The lines.
            suffix: Put behind every conversation's id, to make another round's ids others.
        """
        for line in lines:
            try:
                if line.data is None:
                    raise BadLineError("longer than a line may be")  # noqa: TRY301 - told like any other bad line
                chat = parse_chat(line.data, line.number)
                calls = list(calls_of(chat))
            except BadLineError as error:
                self._bad += 1
                self.complain(line.number, str(error))
            else:
                self._send(chat, calls, chat.conversation_id + suffix)
            self.watch(Progress(line.position, self._calls))

    def finish(self) -> Summary:
        """Wait until all calls have arrived, close the client and say what became of them.

        Blocks as long as calls keep arriving, and a minute more.
        """
        left, since = self.client.result().pending, self.monotonic()
        while left and self.monotonic() - since < _STUCK_SECONDS:
            now_left = self.client.flush(1.0).pending
            if now_left < left:
                left, since = now_left, self.monotonic()
        result = self.client.close()
        return Summary(self._chats, self._calls, self._bad, self._timings, result, self.monotonic() - self._began)

    def _send(self, chat: Chat, calls: list[CallOfChat], conversation_id: str) -> None:
        scope: dict[str, Any] = {} if chat.user is None else {"user_key": chat.user}
        with self.client.conversation(conversation_id, **scope):
            for turn, within in groupby(calls, lambda each: each.turn):
                with self.client.turn(f"{conversation_id}/{turn}"):
                    for call in within:
                        self.pace.wait()
                        self._wait_for_room(call)
                        self._call(chat, call)
        self._chats += 1

    def _call(self, chat: Chat, call: CallOfChat) -> None:
        attributes = {**chat.attributes, "turnlog.replayed": "true"}
        if call.timing is Timing.NOMINAL:
            attributes["turnlog.duration"] = "nominal"
        started = self.client.start_call(
            provider=chat.provider,
            model=chat.model,
            input=call.input,
            start_time=call.start or self.now() - call.duration,
            duration=call.duration,
            attributes=attributes,
            **_given(system=call.system, tools=chat.tools, **chat.options),
        )
        started.finish(call.output, **_given(usage=call.usage, finish_reason=call.finish_reason))
        self._calls += 1
        self._timings[call.timing] = self._timings.get(call.timing, 0) + 1

    def _wait_for_room(self, call: CallOfChat) -> None:
        """Keep what is under way well below where the client, whose caller must never wait, would drop it."""
        size = _size(call.output) + sum(_size(message) for message in call.input)
        while self._sizes and (len(self._sizes) >= _MOST_EVENTS or self._bytes + size > _MOST_BYTES):
            pending = self.client.result().pending
            while len(self._sizes) > pending:
                self._bytes -= self._sizes.popleft()  # events leave in the order in which they came, or nearly so
            if self._sizes and (len(self._sizes) >= _MOST_EVENTS or self._bytes + size > _MOST_BYTES):
                self.sleep(_PAUSE_SECONDS)
        self._sizes.append(size)
        self._bytes += size


def _given(**fields: Any) -> Any:
    return {name: value for name, value in fields.items() if value is not None}


def _size(message: Mapping[str, Any]) -> int:
    content = message.get("content")
    return len(content) if isinstance(content, str) else len(str(message))
