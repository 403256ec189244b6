"""From a chat to the model calls that must have made it: one for each message of the assistant."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from itertools import takewhile
from typing import Any

from turnlog.stack.replay.chat import Chat, Message, duration_in, mapping_in, time_in

_FIRST_WORD_US = 200_000
_CHARACTER_US = 4_000
_SYSTEM = {"system", "developer"}


class Timing(Enum):
    """Where a call's duration comes from."""

    GIVEN = "given"
    """The file says how long it took."""
    BETWEEN = "between"
    """The file says when the question and when the answer came."""
    NOMINAL = "nominal"
    """The file says nothing: see :func:`nominal_duration`."""


@dataclass(frozen=True)
class CallOfChat:
    """One call of a chat.

    Attributes:
        turn: Which exchange it is part of, from 1; a user's message begins a new one.
        system: Instructions that the chat begins with, as parts; None if there are none.
        input: Messages before the answer, without those instructions.
        output: The answer.
        start: When it began, if the file lets one know.
        duration: How long it took.
        timing: Where that comes from.
        usage: Token counts, as the file has them; None if it has none.
        finish_reason: Why the answer ended, if the file says so.
    """

    turn: int
    system: Sequence[Any] | None
    input: Sequence[Message]
    output: Message
    start: datetime | None
    duration: timedelta
    timing: Timing
    usage: Mapping[str, Any] | None
    finish_reason: str | None


def nominal_duration(characters: int) -> timedelta:
    """Return a duration for an answer whose real one nobody noted: 0.2 s and 4 ms for each character.

    That is about the pace of a large model, so that statistics have something to count; it measures nothing, and calls
    that have it say so in an attribute.
    """
    return timedelta(microseconds=_FIRST_WORD_US + characters * _CHARACTER_US)


def calls_of(chat: Chat) -> Iterator[CallOfChat]:
    """Yield a chat's calls in order; each one's input is all that was said before its answer.

    Raises:
        BadLineError: If a message names a time or duration that can't be.
    """
    instructions = list(takewhile(lambda message: message["role"] in _SYSTEM, chat.messages))
    system = [part for message in instructions for part in _content(message)] or None
    only = sum(message["role"] == "assistant" for message in chat.messages) == 1
    turn, answered, clock = 1, False, chat.time
    for place, message in enumerate(chat.messages):
        if message["role"] == "user" and answered:
            turn, answered = turn + 1, False
        if message["role"] != "assistant":
            continue
        answered = True
        before = chat.messages[len(instructions) : place]
        duration, timing = _duration(chat, before, message, only=only)
        ended = time_in(message)
        start = clock if ended is None else ended - duration
        clock = None if start is None else start + duration
        reason = message.get("finish_reason")
        yield CallOfChat(
            turn=turn,
            system=system,
            input=[_bare(each) for each in before],
            output=_bare(message),
            start=start,
            duration=duration,
            timing=timing,
            usage=mapping_in(message, "usage") or (chat.usage if only else None),
            finish_reason=reason if isinstance(reason, str) else None,
        )


def _duration(chat: Chat, before: Sequence[Message], answer: Message, *, only: bool) -> tuple[timedelta, Timing]:
    given = duration_in(answer)
    if given is None and only:
        given = chat.duration_us
    if given is not None:
        return timedelta(microseconds=given), Timing.GIVEN
    ended = time_in(answer)
    asked = time_in(before[-1]) if before else None
    if ended is not None and asked is not None and ended >= asked:
        return ended - asked, Timing.BETWEEN
    return nominal_duration(sum(len(part) for part in _content(answer) if isinstance(part, str))), Timing.NOMINAL


def _content(message: Message) -> Sequence[Any]:
    """A message's parts, those of text as texts."""
    content = message.get("content")
    parts = content if isinstance(content, list) else [] if content is None else [content]
    return [each.get("text", "") if isinstance(each, dict) and each.get("type") == "text" else each for each in parts]


_TELLING = {
    "timestamp",
    "start_time",
    "created_at",
    "created",
    "duration_us",
    "duration_ms",
    "duration_s",
    "latency_ms",
}


def _bare(message: Message) -> Message:
    """What the model saw of a message: not when it came or what it cost."""
    return {name: value for name, value in message.items() if name not in _TELLING and name != "usage"}
